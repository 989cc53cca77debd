// A person in front of the page of an emulated server, while a client is at work: headless Chromium.
// Prints as JSON what the page showed; takes a picture of it.
// Usage: node emulator_page.mjs <chromium> <site URL> <URL of a task> <folder of the pictures>
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [executablePath, site, task, pictures] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
page.setDefaultTimeout(60_000);
const complaints = [];
const outside = [];
page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("request", (request) => { if (!request.url().startsWith(`${site}/emulator/`)) outside.push(request.url()); });

const ask = (path, body) => fetch(task + path, body && { method: "POST", body: new URLSearchParams({ f: "json", ...body }) });
const texts = (selector) => page.locator(selector).allInnerTexts();
const card = page.locator("#jobs .card").first();
const steps = (text) => card.locator(".steps", { hasText: text }).waitFor();

async function add(kind, value) {
  await page.getByLabel("Kind").selectOption(kind);
  await page.getByLabel("As JSON").fill(JSON.stringify(value));
  await page.getByRole("button", { name: "Add", exact: true }).click();
}

async function submit(values) {
  return (await (await ask("/submitJob", values)).json()).jobId;
}

await page.goto(`${site}/emulator/`);
await page.getByText("live").waitFor();
await page.getByText("Add a timeline, a fault or a quirk").click();
await add("Timeline", [{ steps: [{ status: "waiting", seconds: 4 }, { status: "executing", held: true }, { status: "failed", messages: ["ERROR 000735"] }] }]);
await page.getByText("Done.").waitFor();
await add("Fault", [{ kind: "gateway", operation: "poll", nth: 2 }]);
const job = await submit({ number: 3, text: "<img src=x onerror=alert(1)>", token: "a-secret-token" });
await steps("waiting");
for (let poll = 0; poll < 3; poll++) await ask(`/jobs/${job}?f=json`);
await page.getByLabel("Seconds").fill("4");
await page.getByRole("button", { name: "Advance" }).click();
await steps("executing");
await ask(`/jobs/${job}?f=json`);
await page.getByRole("button", { name: "Release" }).click();
await steps("failed");
await ask(`/jobs/${job}/results/Value?f=json`);
await page.locator("#count", { hasText: "6 requests" }).waitFor();
await card.locator(".dot").nth(1).waitFor();

const shown = {
  bars: await card.locator(".bar").evaluateAll((bars) => bars.map((bar) => bar.classList[1])),
  widths: await card.locator(".bar").evaluateAll((bars) => bars.map((bar) => bar.getBBox().width)),
  ticks: await card.locator(".tick").count(),
  crosses: await card.locator(".cross title").allTextContents(),
  dots: await card.locator(".dot").count(),
  steps: await texts("#jobs .steps"),
  rows: await texts("#requests tr"),
};
await page.screenshot({ path: `${pictures}/page.png`, fullPage: true });
await page.emulateMedia({ colorScheme: "dark" });
await page.screenshot({ path: `${pictures}/dark.png`, fullPage: true });
await page.emulateMedia({ colorScheme: "light" });
await page.evaluate(await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf-8"));
const { violations } = await page.evaluate(() => axe.run());
shown.violations = violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`);

await add("Quirk", [{ name: "rude" }]);
await page.locator("#said.wrong").waitFor();
shown.refusal = await page.locator("#said").innerText();
complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes("status of 400")));
await page.getByRole("button", { name: "Reset everything" }).click();
await page.getByText("No job yet").waitFor();
shown.afterReset = await texts("#requests tr");
await browser.close();
console.log(JSON.stringify({ ...shown, complaints, outside }));
