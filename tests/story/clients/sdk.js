// Calls one method of the official client, as told in JSON, and says in JSON how it ended.
import { Client } from "wavespeed";

const { key, baseUrl, method, given } = JSON.parse(process.argv[2]);
const client = new Client(key, { baseUrl });
const told = (said) => (said instanceof Error ? { kind: said.name, error: said.message } : said);
const say = (said) => console.log(JSON.stringify(said, (_, inner) => told(inner)));
try {
  say({ answer: await client[method](...given) });
} catch (error) {
  say(error);
}
