import { main } from '../../bin/muttr.ts'
import { createFakeDoors } from './cli.ts'

// The whole program in a process of its own, with nothing behind its doors. It can say when one is opened, for a test to go on.
await main('1.2.3', async () => {
  if (process.env.SAY_OPENED) process.stderr.write('opened\n')
  return createFakeDoors()
})
