#!/usr/bin/env node
import { existsSync } from 'node:fs'

const main = new URL('../dist/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  process.stderr.write(
    'stackmemory is not built yet. Run "npm run build" in the folder of the project first.\n',
  )
  process.exitCode = 1
}
