// Follows the job that a page shows: its progress as it changes, and all of its page anew when something happened to it.
"use strict";
(() => {
  const KINDS = [
    "claimed", "stumbled", "rerouted", "prepared", "forwarded", "arrived", "collecting", "not_collected", "handed_back",
    "rescued", "cancel_requested", "completed", "failed", "cancelled", "deleted",
  ];
  let source;

  function show(event) {
    const { stage, progress } = JSON.parse(event.data);
    const percent = `${(progress * 100).toFixed(1)} %`;
    const bar = document.getElementById("progress");
    const words = document.getElementById("stage");
    if (!bar || !words) return;
    bar.value = progress;
    if (stage) words.textContent = `${stage[0].toUpperCase()}${stage.slice(1)}, ${percent}`;
  }

  function follow() {
    source?.close();
    const job = document.getElementById("job");
    if (!job?.dataset.live) return;
    source = new EventSource(job.dataset.live);
    source.addEventListener("progress", show);
    for (const kind of KINDS) source.addEventListener(`job.${kind}`, renew);
  }

  function renew() {
    source.close();
    htmx.ajax("GET", location.href, { target: "#job", select: "#job", swap: "outerHTML" }).then(follow);
  }

  follow();
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => event.persisted && follow());
})();
