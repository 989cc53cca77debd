// Opens a page in headless Chromium, waits until a JavaScript expression is true there, and prints its value as JSON.
// Nothing leaves loopback: no other host has an address. Packages of the unpkg CDN are answered from node_modules, in
// the very version that the page names; any other request beyond loopback fails and is reported. A page may call
// `takePicture(name)` for a PNG of what it shows, and `typeKeys(...words)`, which types words and presses keys (Tab,
// Enter) as a person does.
// Usage: node browser.mjs <chromium> <page URL> <expression> [folder of the pictures]
import { readFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [executablePath, pageUrl, expression, pictures] = process.argv.slice(2);
const answered = new Set();
const asked = new Set();
const errors = [];

async function answer(route) {
  const url = new URL(route.request().url());
  const [, name, version, path] = url.pathname.match(/^\/((?:@[^/]+\/)?[^@/]+)@([^/]+)\/(.+)$/) ?? [];
  if (version !== await installed(name)) return route.abort();
  answered.add(url.href);
  return route.fulfill({ path: packagePath(`${name}/${path}`), headers: { "Access-Control-Allow-Origin": "*" } });
}

const packagePath = (path) => new URL(`node_modules/${path}`, import.meta.url).pathname;
const installed = async (name) => JSON.parse(await readFile(packagePath(`${name}/package.json`))).version;

// WebGL, which the maps of @arcgis/core need, is computed on the processor.
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
});
const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
page.on("request", (request) => { if (/^(http|ws)s?:/.test(request.url())) asked.add(request.url()); });
// A route of any kind costs each request of the page a detour, which the thousands of modules of @arcgis/core feel.
const needsCdn = (await (await fetch(pageUrl)).text()).includes("//unpkg.com/");
if (needsCdn) await page.route("https://unpkg.com/**", answer);
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
const outside = [...asked].filter((url) => new URL(url).hostname !== "127.0.0.1" && !answered.has(url));
console.log(JSON.stringify({ said, outside, errors }));
