// Bundles what entry.js names into ../libraries.js and ../libraries.css, with the licences on top.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { dependencies } = JSON.parse(readFileSync("package.json"));
const licences = Object.entries(dependencies).map(
  ([name, version]) => `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim()}`,
);
const banner = `/*!\n${licences.join("\n\n----\n\n")}\n*/`;

await build({
  entryPoints: ["entry.js"],
  bundle: true,
  minify: true,
  legalComments: "none",
  format: "iife",
  globalName: "libraries",
  target: "es2022",
  banner: { js: banner },
  outfile: "../libraries.js",
});
writeFileSync("../libraries.css", `/*! uplot, see libraries.js for its licence */\n${readFileSync("node_modules/uplot/dist/uPlot.min.css", "utf8")}`);
