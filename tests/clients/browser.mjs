// Opens a page in headless Chromium, waits until a JavaScript expression is true there, and prints its value as JSON.
// Nothing leaves loopback: packages of the unpkg CDN are answered from node_modules, in the very version that the page
// names; any other request is refused and reported. A page may call `takePicture(name)` for a PNG of what it shows, and
// `typeKeys(...words)`, which types words and presses keys (Tab, Enter) as a person does.
// Usage: node browser.mjs <chromium> <page URL> <expression> [folder of the pictures]
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [executablePath, pageUrl, expression, pictures] = process.argv.slice(2);
const outside = [];
const errors = [];

async function answer(route) {
  const url = new URL(route.request().url());
  if (url.hostname === "127.0.0.1") return route.continue();
  const [, name, version, path] = url.pathname.match(/^\/((?:@[^/]+\/)?[^@/]+)@([^/]+)\/(.+)$/) ?? [];
  if (url.hostname !== "unpkg.com" || version !== await installed(name)) {
    outside.push(url.href);
    return route.abort();
  }
  return route.fulfill({ path: packagePath(`${name}/${path}`), headers: { "Access-Control-Allow-Origin": "*" } });
}

const packagePath = (path) => new URL(`node_modules/${path}`, import.meta.url).pathname;
const installed = async (name) => JSON.parse(await readFile(packagePath(`${name}/package.json`))).version;

// WebGL, which the maps of @arcgis/core need, is computed on the processor.
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
await page.route("**/*", answer);
await page.exposeFunction("takePicture", async (name) => {
  await page.screenshot({ path: `${pictures}/${name}.png` });
});
await page.exposeFunction("typeKeys", async (...words) => {
  for (const word of words) {
    await (["Tab", "Enter"].includes(word) ? page.keyboard.press(word) : page.keyboard.type(word));
  }
});
page.on("pageerror", (error) => errors.push(String(error)));
page.setDefaultTimeout(120_000); // thousands of modules, on a machine that may be busy
await page.goto(pageUrl);
const said = await page.waitForFunction(expression)
  .then((handle) => handle.jsonValue(), (error) => { errors.push(String(error)); });
await browser.close();
console.log(JSON.stringify({ said, outside, errors }));
