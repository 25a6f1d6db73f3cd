import { join } from 'node:path'
import { bundled } from './program.ts'

// For the hundreds of processes that tests start: loaded before any test, see .mocharc.json. Coverage is counted in the sources.
process.env.NODE_COMPILE_CACHE ??= join(
  import.meta.dirname,
  '../../node_modules/.cache/muttr-compiled'
)
if (!process.env.NODE_V8_COVERAGE) process.env.MUTTR_BUNDLE ??= await bundled()
