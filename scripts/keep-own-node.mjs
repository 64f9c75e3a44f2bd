/**
 * Runs after `npm ci`. The Node binary that the conformance runner needs (22 or newer) comes as a package, and
 * npm links it as `node_modules/.bin/node`, first on the path of every npm script: the server and the tests
 * would run on it instead of on the Node that the developer installed. The link goes; the binary stays, and
 * `scripts/test-conformance.mjs` finds it by its path.
 */
import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

for (const name of ['node', 'node.cmd', 'node.ps1'])
  rmSync(fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url)), { force: true })
