import type { PodSecrets, Way, Where } from './bench-pod.ts'
import { enterPod, startBenchPod } from './bench-pod.ts'
import { openXmpp } from './rivals/xmpp.ts'
import { answerParent } from './worker.ts'

/** One end of the bench, in a process of its own. */
export type Ask =
  | { ask: 'pod'; way: Way; secrets: PodSecrets }
  | { ask: 'enter'; way: Way; where: Where; count: number }
  | { ask: 'online'; port: number; ca: string | undefined; count: number }
  | { ask: 'memory' }

/** Few enough that a busy machine answers each in time. */
const atOnce = 4

const stack = new AsyncDisposableStack()
let people = 0
let sessions = (): number => 0

async function answer(asked: Ask): Promise<unknown> {
  if (asked.ask === 'pod') {
    const { pod, where } = await startBenchPod(asked, stack)
    sessions = () => pod.usage().sessions
    return where
  }
  if (asked.ask === 'memory') {
    globalThis.gc?.()
    await new Promise(resolve => setImmediate(resolve))
    globalThis.gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    return { rssBytes: rss, heapBytes: heapUsed + external, sessions: sessions() }
  }
  let left = asked.count
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const name = `p${people++}`
      if (asked.ask === 'enter') {
        const link = await enterPod({ ...asked, name }, stack)
        await link.listen(async () => {}, 0)
      } else stack.use(await openXmpp({ port: asked.port, ca: asked.ca, user: name }))
    }
  }
  return await Promise.all(Array.from({ length: atOnce }, one))
}

answerParent(answer, stack)
