// A person in front of the services directory: clicks, fills in forms and looks, in headless Chromium.
// Prints what came of each scenario as JSON, with what the console said; takes pictures of the pages on the way.
// Usage: node directory.mjs <chromium> <site URL> <folder of the pictures> <desktop | phone | plain>
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [executablePath, site, pictures, kind] = process.argv.slice(2);
const KINDS = {
  desktop: {
    options: { viewport: { width: 1100, height: 800 } },
    scenarios: ["buffer", "input", "cancel", "failure", "shapes", "types", "map", "error"],
  },
  phone: {
    options: { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
    scenarios: ["buffer", "input", "cancel", "map"],
  },
  plain: {
    options: { viewport: { width: 1100, height: 800 }, javaScriptEnabled: false },
    scenarios: ["buffer", "input", "cancel", "types"],
  },
};
const scripted = kind !== "plain";
const axe = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf-8");

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext({ ...KINDS[kind].options, acceptDownloads: true });
const page = await context.newPage();
page.setDefaultTimeout(60_000);
const outside = [];
const complaints = [];
page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("request", (request) => { if (!request.url().startsWith(site) && !request.url().startsWith("data:")) outside.push(request.url()); });

const link = (name) => page.getByRole("link", { name, exact: true });
const button = (name) => page.getByRole("button", { name });
const status = async () => (await page.locator("#status").innerText()).trim();
const ended = (text) => /Succeeded|Failed|Cancelled|TimedOut/.test(text);
const picture = (name) => page.screenshot({ path: `${pictures}/${kind}-${name}.png`, fullPage: true });

async function until(what, enough) {
  const seen = [];
  for (let tries = 0; tries < 300; tries++) {
    // Without scripting the page loads itself anew, and may be gone for a moment.
    const found = await what().catch(() => null);
    if (found !== null) seen.push(found);
    if (found !== null && enough(found)) return seen;
    await page.waitForTimeout(100);
  }
  throw new Error(`waited in vain: ${seen.at(-1)}`);
}

// The page with the results comes after the one that said the end, and would break off what a person does meanwhile.
async function finished() {
  const statuses = await until(status, ended);
  await link("Run the task again").waitFor();
  return statuses;
}

// Wider than the window: what a person would have to scroll sideways for.
const overflow = () => page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);

const faults = [];
const inspected = new Set();
async function inspect(name) {
  if (inspected.has(name)) return;
  inspected.add(name);
  await page.waitForLoadState(); // a click has led to the page, which may not be there yet
  if (await overflow() > 0) faults.push(`${name} is wider than the window`);
  if (!scripted) return;
  await page.evaluate(axe);
  // Colours are the same whatever the width.
  for (const colorScheme of kind === "phone" ? ["light"] : ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    const rules = colorScheme === "dark" ? { runOnly: ["color-contrast"] } : {};
    const { violations } = await page.evaluate((options) => axe.run(options), rules);
    for (const { id, nodes } of violations) {
      faults.push(`${name}, ${colorScheme}: ${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).slice(0, 3).join(" | ")}`);
    }
  }
}

async function findTask(service, task) {
  await page.goto(`${site}/`);
  await inspect("the root");
  await page.locator("li", { hasText: `${service} (GPServer)` }).getByRole("link").first().click();
  await inspect(`the service ${service}`);
  await link(task).click();
  await inspect(`the task ${task}`);
}

async function drawPoints() {
  if (!scripted) {
    await page.getByText("Example of Input Features").click();
    const example = await page.locator("details pre").innerText();
    return page.getByRole("textbox", { name: "Input Features" }).fill(example);
  }
  const map = page.locator(".draw");
  const { width, height } = await map.boundingBox();
  for (const [x, y] of [[0.4, 0.3], [0.5, 0.5], [0.6, 0.4]]) {
    await map.click({ position: { x: width * x, y: height * y } });
  }
  await button("Undo").click();
  await page.getByText("2 features").waitFor();
}

const scenarios = {
  async buffer() {
    await findTask("Buffer", "BufferPoints");
    await picture("task");
    await link("Submit Job").click();
    await drawPoints();
    await page.getByLabel("Distance", { exact: true }).fill("500");
    await page.getByLabel("Units of Distance").selectOption({ label: "Kilometers" });
    await inspect("the form");
    await picture("form");
    const sent = await page.locator("textarea").inputValue();
    await button("Submit Job (POST)").click();
    const statuses = await finished();
    const map = page.getByRole("img", { name: "Map of Output_Polygons" });
    await map.waitFor();
    const drawn = await until(() => map.evaluate((image) => image.complete && image.naturalWidth), Boolean);
    await inspect("the job");
    await picture("job");
    const messages = await page.locator(".messages li").allInnerTexts();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.locator("article").getByRole("link", { name: "KMZ", exact: true }).click(),
    ]);
    const kmz = await readFile(await download.path());
    await link("Output_Polygons").click();
    if (scripted) await page.locator(".look img").first().waitFor();
    else await page.getByRole("img", { name: "Map of Output_Polygons" }).waitFor();
    await inspect("the result");
    await picture("result");
    const header = await page.locator("th").allInnerTexts();
    const rows = await page.locator("tbody tr").count();
    return {
      sent: JSON.parse(sent), statuses: [...new Set(statuses)], drawn: drawn.at(-1), messages, header, rows,
      kmz: { name: download.suggestedFilename(), bytes: kmz.length, head: kmz.subarray(0, 2).toString("latin1") },
    };
  },

  async input() {
    await page.goBack();
    await page.getByRole("list").getByRole("link", { name: "Input_Features" }).click();
    await inspect("the input");
    return { rows: await page.locator("tbody tr").count() };
  },

  async cancel() {
    await findTask("Tools", "SlowTask");
    await link("Submit Job").click();
    await page.getByLabel("Seconds").fill("60");
    await button("Submit Job (POST)").click();
    const percent = () => page.locator("#progress").evaluate((bar) => bar.getAttribute("value") === null ? null : bar.value);
    const percents = (await until(percent, (value) => value > 1)).filter((value) => value !== null);
    const elapsed = parseFloat(await page.locator("#elapsed").innerText());
    await inspect("the running job");
    await picture("running");
    await button("Cancel Job").click();
    const statuses = await finished();
    return { percents, elapsed, status: statuses.at(-1) };
  },

  async failure() {
    await findTask("Tools", "FailTask");
    await link("Submit Job").click();
    await page.getByLabel("Reason").fill("<script>document.title = 'caught'</script>");
    await button("Submit Job (POST)").click();
    await finished();
    await inspect("the failed job");
    const failed = { status: await status(), messages: await page.locator(".messages").innerText() };
    await link("Run the task again").click();
    await page.waitForLoadState("domcontentloaded"); // the title of a page that has only begun is empty
    return { ...failed, title: await page.title() };
  },

  async shapes() {
    await findTask("Shapes", "MeasureShapes");
    await link("Submit Job").click();
    const maps = page.locator(".draw");
    for (const [n, corners] of [[0, [[0.4, 0.4], [0.5, 0.5]]], [1, [[0.45, 0.6], [0.55, 0.6], [0.5, 0.3]]]]) {
      const { width, height } = await maps.nth(n).boundingBox();
      for (const [x, y] of corners) await maps.nth(n).click({ position: { x: width * x, y: height * y } });
      await button("Finish shape").nth(n).click();
    }
    // With the keyboard alone: to the map, to the east, and a corner at each stop.
    await maps.nth(0).focus();
    for (let stop = 0; stop < 2; stop++) {
      await page.keyboard.press("ArrowRight");
      await page.waitForTimeout(400);
      await page.keyboard.press("Enter");
    }
    await button("Finish shape").nth(0).click();
    const texts = await page.locator("textarea").evaluateAll((areas) => areas.map((area) => JSON.parse(area.value)));
    await inspect("the form of shapes");
    await picture("shapes");
    await button("Submit Job (POST)").click();
    await finished();
    await page.locator("article").first().waitFor();
    return { texts, values: await page.locator("article .value").allInnerTexts() };
  },

  async types() {
    await findTask("Tools", "EchoTypes");
    await link("Submit Job").click();
    await inspect("the form of all types");
    await picture("types");
    await page.getByLabel("In String", { exact: true }).selectOption("green");
    await page.getByLabel("In Long", { exact: true }).fill("42");
    await page.getByLabel("In Boolean", { exact: true }).selectOption("false");
    await page.getByLabel("In Date", { exact: true }).fill("2024-02-29T12:30:00");
    await page.getByLabel("In List", { exact: true }).fill("a\nb");
    await page.getByLabel("In Unit", { exact: true }).fill("3");
    await page.getByLabel("Units of In Unit").selectOption({ label: "Nautical Miles" });
    await page.locator('input[type=file][name="In_File:file"]').setInputFiles(
      { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("Grüße") });
    await button("Submit Job (POST)").click();
    await finished();
    await page.locator("article").first().waitFor();
    const values = await page.locator("article").evaluateAll((cards) => Object.fromEntries(
      cards.map((card) => [card.querySelector("h4").innerText, card.querySelector(".value")?.innerText])));
    await inspect("the job of all types");
    return { status: await status(), values };
  },

  async map() {
    await page.goto(`${site}/arcgis/rest/services/Buffer/MapServer`);
    await inspect("the map");
    await page.getByRole("link", { name: "Output_Polygons" }).click();
    await inspect("the layer");
    await button("Query").click();
    await inspect("the answer of a query");
    await page.goto(`${site}/arcgis/rest/services/Buffer/MapServer/legend`);
    await inspect("the legend");
    return (await page.getByRole("heading", { level: 2 }).innerText());
  },

  async error() {
    const answer = await page.goto(`${site}/arcgis/rest/services/Missing/GPServer`);
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes("404")));
    await inspect("the error");
    return { status: answer.status(), text: await page.locator("main").innerText() };
  },
};

const said = {};
for (const name of KINDS[kind].scenarios) {
  said[name] = await scenarios[name]().catch(async (error) => {
    await picture(`${name}-failed`);
    return { thrown: `${error.stack}\nat ${page.url()}` };
  });
}
await browser.close();
console.log(JSON.stringify({ said, outside, complaints, faults }));
