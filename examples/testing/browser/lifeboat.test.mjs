// Story 6: the lifeboat.
// In production a toolbox is rewritten in open source, and old applications must not notice: nobody can change them.
// Here an unchanged page with @arcgis/core runs in Chromium against the new tool under the old URL, and is looked at.
// The client should get its result, and the map of its result, where they always were.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startEmulator } from "../node/emulator.mjs";

const TYPES = { html: "text/html", js: "text/javascript", mjs: "text/javascript", json: "application/json" };
let gp, web, browser, page;

/** What serves the application: its page, and the packages beside it. */
const serve = async ({ url }, answer) => {
  const { pathname } = new URL(url, "http://app");
  const type = TYPES[pathname.split(".").at(-1)] ?? "application/octet-stream";
  const place = pathname.startsWith("/node_modules/") ? `..${pathname}` : `.${pathname}`;
  const file = await readFile(new URL(place, import.meta.url)).catch(() => null);
  answer.writeHead(file ? 200 : 404, { "content-type": type }).end(file);
};

before(async () => {
  web = createServer(serve).listen(0, "127.0.0.1");
  [gp, browser] = await Promise.all([
    startEmulator(["--services", fileURLToPath(new URL("services", import.meta.url))]),
    chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] }),
    once(web, "listening"),
  ]);
  page = await browser.newPage();
  page.setDefaultTimeout(60_000); // the packages are hundreds of files, and CI may be busy
  await page.goto(`http://127.0.0.1:${web.address().port}/lifeboat.html?server=${gp.url}`);
  await page.locator("button:enabled").waitFor(); // the packages have come
});
after(async () => {
  await browser?.close();
  web.closeAllConnections();
  web.close();
  await gp?.stop();
});

test("an old page finds the new tool, and the map of its result", async () => {
  await page.getByRole("button").click();
  const shown = await page.waitForFunction("window.shown").then((handle) => handle.jsonValue());
  assert.deepEqual(shown, {
    status: "job-succeeded", gauge: "Bonn", type: "polygon",
    map: "/arcgis/rest/services/Legacy/Flood/MapServer/jobs/<job>",
  });
  const { requests } = await gp.requests();
  const [{ path }] = requests.filter(({ operation }) => operation === "submit");
  assert.equal(path, "/arcgis/rest/services/Legacy/Flood/GPServer/FloodExtent/submitJob");
});
