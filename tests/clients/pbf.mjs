// Reads answers of a query: Esri protocol buffers with Esri's own decoder inside @arcgis/core and with
// arcgis-pbf-parser, and Esri JSON on a grid with Esri's way back. Prints what all found, as JSON.
// Usage: node pbf.mjs <path of an answer, without .pbf and .json> ...
import { readFile } from "node:fs/promises";
import decodeToGeoJSON from "arcgis-pbf-parser";
import * as grid from "@arcgis/core/geometry/support/quantizationUtils.js";
import { JSONFeatureSetParserContext } from "@arcgis/core/rest/query/operations/pbfJSONFeatureSet.js";
import { parsePBFFeatureQuery } from "@arcgis/core/rest/query/operations/pbfQueryUtils.js";

const offGrid = {
  esriGeometryPoint: grid.unquantizePoint,
  esriGeometryMultipoint: grid.unquantizeMultipoint,
  esriGeometryPolyline: grid.unquantizePolyline,
  esriGeometryPolygon: grid.unquantizePolygon,
};

const readJSON = (text) => {
  const set = JSON.parse(text);
  if (!set.transform) return set;
  const place = ({ attributes, geometry }) => ({
    attributes, geometry: geometry && offGrid[set.geometryType](set.transform, {}, geometry, set.hasZ, set.hasM),
  });
  return { ...set, features: set.features.map(place) };
};

const read = async (path) => {
  const bytes = new Uint8Array(await readFile(`${path}.pbf`));
  const context = new JSONFeatureSetParserContext({ applyTransform: true });
  return {
    json: readJSON(await readFile(`${path}.json`)),
    esri: parsePBFFeatureQuery(bytes.buffer, context),
    parser: decodeToGeoJSON(bytes),
  };
};

console.log(JSON.stringify(await Promise.all(process.argv.slice(2).map(read))));
