// Signs in on the pages of a server in headless Chromium, runs a task there and signs out; prints what it saw, as JSON.
// Usage: node sign_in_pages.mjs <chromium> <URL of a secured task> <folder of the pictures> [scripts: on or off]
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [executablePath, task, pictures, scripts = "on"] = process.argv.slice(2);
const errors = [];
const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const context = await browser.newContext({ javaScriptEnabled: scripts === "on", viewport: { width: 800, height: 600 } });
const page = await context.newPage();
page.setDefaultTimeout(60_000);
page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });

/** What is hard to use on a page, by the rules of axe; it runs beside the page's own policy. */
async function violations() {
  if (scripts === "off") return [];
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run());
  return found.violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
}

async function signIn(name, password) {
  await page.getByLabel("Username").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Login" }).click();
}

const seen = {};
await page.goto(`${task}/submitJob`);
seen.form = [new URL(page.url()).pathname, await page.title()];
seen.violations = await violations();
await page.screenshot({ path: `${pictures}/form.png` });
await signIn("ann", "wrong");
seen.wrong = await page.getByRole("alert").textContent();
await signIn("ann", "nna");
seen.back = page.url();
await page.getByLabel("Text").first().fill("hello");
await page.getByRole("button", { name: "Submit Job (POST)" }).click();
await page.getByText("esriJobSucceeded").first().waitFor();
seen.job = new URL(page.url()).pathname;
await page.getByRole("link", { name: "Said", exact: true }).first().click();
seen.result = await page.locator("main").textContent();
seen.user = await page.locator("header").textContent();
await page.screenshot({ path: `${pictures}/signed_in.png` });
await page.getByRole("button", { name: "Logout" }).click();
seen.out = new URL(page.url()).pathname;
await page.goto(`${new URL(seen.job, task).href}`);
seen.after = new URL(page.url()).pathname;
await browser.close();
console.log(JSON.stringify({ ...seen, errors }));
