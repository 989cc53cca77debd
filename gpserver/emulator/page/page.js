// What an emulated server tells of itself as it happens, and the buttons that say something to it.
import { draw, duration, runs, spans } from "./drawing.js";

const part = (id) => document.getElementById(id);
const [MOST_JOBS, MOST_ROWS, LONGEST] = [50, 200, 120]; // shown; and characters of a value
const EXAMPLES = {
  timelines: [{ steps: [{ status: "waiting", seconds: 2 }, { status: "executing", seconds: 5, progress: [0, 100] }, { status: "failed", messages: ["ERROR 000735"] }] }],
  faults: [{ kind: "gateway", status: 502, operation: "poll", times: 2 }],
  quirks: [{ name: "timed_out" }],
};

const jobs = new Map();
const cards = new Map();
let requests = [];
let clock = { now: 0, speed: 0 };
let heard = performance.now();

const now = () => clock.now + (clock.speed * (performance.now() - heard)) / 1000;
const plain = (job) => job.replace(/^j|-/g, "").toLowerCase();
const moment = (seconds) => new Date(seconds * 1000).toISOString().replace("T", " ").replace("Z", "");

function element(name, text = "", className = "") {
  return Object.assign(document.createElement(name), { textContent: text, className });
}

async function say(method, path, body) {
  const answer = await fetch(path, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: typeof body === "string" ? body : JSON.stringify(body) }),
  }).catch((error) => error);
  const wrong = answer instanceof Error ? "The server does not answer." : answer.ok ? "" : (await answer.json()).error;
  part("said").textContent = wrong || "Done.";
  part("said").className = wrong ? "wrong" : "quiet";
}

function showClock() {
  part("now").textContent = `${moment(now())} UTC`;
  part("speed").textContent = clock.speed ? `at ${clock.speed} times the speed of time` : "stands still";
  part("freeze").textContent = clock.speed ? "Freeze" : "Let time go on";
}

function fill(card, job) {
  const heading = element("h3", `${job.task} `);
  if (job.held) {
    const release = element("button", "Release");
    release.onclick = () => say("POST", `jobs/${job.id}/release`);
    heading.append(release);
  }
  const asked = requests.filter((request) => request.job && plain(request.job) === plain(job.id));
  const width = Math.max(card.clientWidth - 36, 240);
  const steps = spans(job, now()).map(({ status, seconds }) => (seconds ? `${status} ${duration(seconds)}` : status));
  const name = element("code", `${job.service} · ${job.id}`);
  card.replaceChildren(heading, name, draw(job, asked, now(), width), element("p", steps.join(" → "), "steps"));
}

function showJobs(ids) {
  for (const id of ids) {
    if (!cards.has(id)) {
      cards.set(id, element("section", "", "card"));
      cards.get(id).setAttribute("aria-label", `Job ${id}`);
      part("jobs").prepend(cards.get(id));
    }
  }
  for (const id of [...jobs.keys()].slice(0, -MOST_JOBS)) {
    cards.get(id)?.remove();
    cards.delete(id);
    jobs.delete(id);
  }
  for (const id of ids) if (jobs.has(id)) fill(cards.get(id), jobs.get(id));
  part("idle").hidden = jobs.size > 0;
}

function row({ number, began, method, path, operation, parameters, status, told, fault, matched, seconds }) {
  const line = element("tr");
  const request = element("td");
  request.append(operation ? `${operation} ` : "", element("code", `${method} ${path}`));
  const values = element("td");
  for (const [name, value] of Object.entries(parameters)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    values.append(element("div", `${name} = ${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}`));
  }
  const lost = matched ? "" : "nothing there";
  const said = [status || "no answer", told.replace("esriJob", ""), fault && `fault: ${fault}`, lost, duration(seconds)];
  const answer = element("td", said.filter(Boolean).join(", "), fault || !matched ? "wrong" : "");
  line.append(element("td", number), element("td", moment(began).slice(11)), request, values, answer);
  return line;
}

function showRequests(added) {
  const rows = part("requests");
  for (const request of added) rows.prepend(row(request));
  while (rows.childElementCount > MOST_ROWS) rows.lastElementChild.remove();
  const shown = rows.childElementCount < requests.length ? `, the newest ${MOST_ROWS} shown` : "";
  part("count").textContent = requests.length ? `${requests.length} requests${shown}` : "None yet";
}

function forget() {
  for (const known of [jobs, cards]) known.clear();
  requests = [];
  part("jobs").replaceChildren();
  part("requests").replaceChildren();
}

const events = new EventSource("events");
events.onopen = () => { part("link").textContent = "live"; };
events.onerror = () => { part("link").textContent = "not connected"; };
events.onmessage = ({ data }) => {
  const news = JSON.parse(data);
  if (news.anew) forget();
  [clock, heard] = [news.clock, performance.now()];
  for (const job of news.jobs) jobs.set(job.id, job);
  requests = [...requests, ...news.requests].slice(-1000);
  const ids = new Set(news.jobs.map(({ id }) => id));
  for (const request of news.requests) {
    for (const id of jobs.keys()) if (request.job && plain(request.job) === plain(id)) ids.add(id);
  }
  showClock();
  showJobs(ids);
  showRequests(news.requests);
};

function redraw(chosen) {
  showJobs([...jobs.values()].filter(chosen).map(({ id }) => id));
}

setInterval(() => {
  if (!clock.speed) return;
  showClock();
  redraw((job) => runs(job) && !document.activeElement?.closest(`[aria-label="Job ${job.id}"]`));
}, 250);
addEventListener("resize", () => redraw(() => true));

part("advance").onsubmit = (event) => {
  event.preventDefault();
  say("POST", "clock", { advance: Number(part("seconds").value) });
};
part("freeze").onclick = () => say("POST", "clock", { speed: clock.speed ? 0 : 1 });
part("reset").onclick = () => say("POST", "reset");
part("add").onsubmit = (event) => {
  event.preventDefault();
  say("POST", part("kind").value, part("body").value);
};
part("kind").onchange = () => { part("body").value = JSON.stringify(EXAMPLES[part("kind").value], null, 1); };
part("kind").onchange();
