// Draws a job: a bar for each state that it was in, and below them what its client asked meanwhile.

const SPACE = "http://www.w3.org/2000/svg";
const [BAR, MARKS, HEIGHT] = [24, 40, 58]; // pixels: height of a bar, middle of the marks, the whole
const LEAST = 22; // pixels of a state that took no time: at a clock that stands still most do
const APART = 9; // pixels between two marks
const ENDS = new Set(["succeeded", "failed", "timed_out", "cancelled", "deleted", "purged"]);

function shape(name, attributes, title = "") {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (title) element.append(Object.assign(document.createElementNS(SPACE, "title"), { textContent: title }));
  return element;
}

export const runs = (job) => !ENDS.has(job.steps.at(-1).status);

export function duration(seconds) {
  if (seconds >= 3600) return `${(seconds / 3600).toFixed(1)} h`;
  if (seconds >= 60) return `${(seconds / 60).toFixed(1)} min`;
  return seconds >= 1 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds * 1000)} ms`;
}

// The states with their durations; an end has none.
export function spans(job, now) {
  return job.steps.map(({ status, since }, at) => {
    const until = job.steps[at + 1]?.since ?? (ENDS.has(status) ? since : Math.max(now, since));
    return { status, since, until, seconds: until - since };
  });
}

function laidOut(job, now, width) {
  const found = spans(job, now);
  const total = found.reduce((sum, { seconds }) => sum + seconds, 0);
  const free = Math.max(width - LEAST * found.length, 0);
  let left = 0;
  for (const span of found) {
    Object.assign(span, { left, width: LEAST + (total ? (free * span.seconds) / total : 0), marks: [] });
    left += span.width;
  }
  return found;
}

// Where the client was told a status, that says which of several states at one moment it saw.
function spanOf(request, found) {
  if (request.operation === "submit") return found[0];
  const at = found.filter(({ since, until }) => since <= request.began && request.began <= until);
  const told = request.told.replace("esriJob", "").toLowerCase();
  const seen = at.findLast(({ status }) => status.replace("_", "") === told);
  return seen ?? at.at(-1) ?? (request.began < found[0].since ? found[0] : found.at(-1));
}

// Where they happened; marks of one moment stand side by side, closer where there are too many.
function places(span) {
  const [from, to] = [span.left + 5, span.left + span.width - 5];
  const share = ({ began }) => (span.seconds ? Math.min(Math.max((began - span.since) / span.seconds, 0), 1) : 0);
  let next = from;
  const found = span.marks.map((request) => {
    const x = Math.max(from + share(request) * (to - from), next);
    next = x + APART;
    return { request, x };
  });
  const last = found.at(-1)?.x ?? to;
  if (last <= to) return found;
  const squeezed = Math.max((to - from) / (last - from), 0);
  return found.map(({ request, x }) => ({ request, x: from + (x - from) * squeezed }));
}

function mark({ request, x }) {
  const { number, operation, method, told, fault, status } = request;
  const title = `#${number} ${operation || method} ${fault ? `hit by ${fault}` : told || status}`;
  if (fault) {
    return shape("path", { class: "cross", d: `M${x - 4} ${MARKS - 4}l8 8m0 -8l-8 8` }, title);
  }
  if (operation === "poll") return shape("line", { class: "tick", x1: x, x2: x, y1: MARKS - 7, y2: MARKS + 7 }, title);
  return shape("circle", { class: "dot", cx: x, cy: MARKS, r: 4 }, title);
}

export function draw(job, requests, now, width) {
  const picture = shape("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": `Timeline of ${job.id}` });
  const found = laidOut(job, now, width);
  for (const request of requests) spanOf(request, found).marks.push(request);
  for (const span of found) {
    const title = `${span.status}, ${duration(span.seconds)}`;
    picture.append(shape("rect", { class: `bar ${span.status}`, x: span.left, y: 0, width: span.width, height: BAR, rx: 3 }, title));
    if (span.width > 8 * span.status.length + 8) {
      const name = shape("text", { class: "name", x: span.left + 7, y: 16 });
      name.append(span.status);
      picture.append(name);
    }
    picture.append(...places(span).map(mark));
  }
  return picture;
}
