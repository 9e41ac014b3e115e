// Calls one method of the official client, as told in JSON, and says in JSON how it ended.
import { Client } from "wavespeed";

const { key, baseUrl, method, given } = JSON.parse(process.argv[2]);
const client = new Client(key, { baseUrl });
try {
  console.log(JSON.stringify({ answer: await client[method](...given) }));
} catch (error) {
  console.log(JSON.stringify({ kind: error.name, error: error.message }));
}
