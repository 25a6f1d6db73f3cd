import { parentPort } from 'node:worker_threads'
import type { StampSearch } from '../wire/stamp-work.ts'
import { searchStamp } from '../wire/stamp-work.ts'

/** The other end of stamper.ts: searches one slice after the other, and says what it found. */
parentPort!.on('message', (search: StampSearch) => {
  parentPort!.postMessage(searchStamp(search))
})
