/** Eats memory until it is told that there is no room for more, and says what was left: `node --max-old-space-size=64 eater.ts`. */
import { createRoom, memoryNow } from '../../src/nodes/strain.ts'

let nowMs = 0
const hasRoom = createRoom({ now: () => (nowMs += 1_000) })
const eaten: string[][] = []
while (hasRoom()) eaten.push(Array.from({ length: 1_000 }, (_, i) => `${eaten.length} ${i}`))
console.log(JSON.stringify({ rounds: eaten.length, ...memoryNow() }))
