// Runs a TypeScript file in a plain Node process: `node run-typescript.mjs file.ts arguments…`.
// Vite comes with vitest; it resolves packages and `.ts` imports the same way the tests do.
import { runnerImport } from 'vite'

const [file] = process.argv.splice(2, 1)
await runnerImport(file, { configFile: false, logLevel: 'error', root: import.meta.dirname })
