/**
 * Bundles packages/bridge into one file, so that `npx` has nothing else to load. What is imported on demand is
 * inside too, and runs only on demand.
 */
import { chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'rolldown'

const here = (path) => fileURLToPath(new URL(`../packages/bridge/${path}`, import.meta.url))

const { output } = await build({
  input: { 'mcp-server': here('src/main.ts') },
  platform: 'node',
  // jsonc-parser's other form loads its parts in a way that no bundler can follow.
  resolve: { mainFields: ['module', 'main'] },
  // The libraries' modules have no effects of their own, which the bundler cannot see. Saying so leaves out a good
  // part of the code and of the time to start.
  treeshake: { moduleSideEffects: (id) => !id.includes('node_modules'), propertyReadSideEffects: false },
  output: {
    dir: here('dist'),
    format: 'esm',
    banner: '#!/usr/bin/env node',
    minify: true,
    codeSplitting: false,
    cleanDir: true,
  },
})
if (output.length !== 1) throw new Error(`The bundle has ${output.length} files instead of one.`)
chmodSync(here('dist/mcp-server.js'), 0o755)
