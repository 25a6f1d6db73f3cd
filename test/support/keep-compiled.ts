import { join } from 'node:path'

// For the hundreds of processes that tests start: loaded before any test, see .mocharc.json.
process.env.NODE_COMPILE_CACHE ??= join(
  import.meta.dirname,
  '../../node_modules/.cache/muttr-compiled'
)
