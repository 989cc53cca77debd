// Follows the job of the page while it runs: status, progress and messages as they come, and its results at the end.

const part = (id) => document.getElementById(id);
const [job, status, messages] = ["job", "status", "messages"].map(part);
const KEPT = 500; // messages on the page

let started = performance.now() - 1000 * Number(job.dataset.elapsed);
setInterval(() => {
  part("elapsed").textContent = `${((performance.now() - started) / 1000).toFixed(1)} seconds`;
}, 100);

function tell({ jobStatus, progress, elapsed, messages: lines }) {
  started = performance.now() - 1000 * elapsed;
  const text = ` ${jobStatus}`;
  if (status.childNodes[1].data !== text) status.childNodes[1].data = text; // a screen reader says every change
  job.className = `card ${jobStatus}`;
  if (progress) showProgress(progress);
  for (const line of lines) {
    const item = document.createElement("li");
    item.className = line.type;
    item.textContent = `${line.type}: ${line.description}`;
    messages.append(item);
  }
  while (messages.childElementCount > KEPT) messages.firstElementChild.remove();
}

function showProgress({ message, percent }) {
  part("step").textContent = message;
  part("percent").textContent = percent === undefined ? "" : `${percent} %`;
  if (percent !== undefined) part("progress").value = percent;
}

const events = new EventSource(`${job.dataset.events}?after=${messages.dataset.count}`);
events.onmessage = ({ data }) => {
  const told = JSON.parse(data);
  tell(told);
  if (told.ended) {
    events.close();
    location.reload();
  }
};
events.onerror = () => {
  // The browser comes back by itself unless it was refused; the page can still be loaded anew.
  if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 2000);
};
