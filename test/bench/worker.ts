import { fork } from 'node:child_process'
import { once } from 'node:events'

/** As bin/muttr.js begins a pod's process. */
export const asShipped = {
  execArgv: ['--max-semi-space-size=8'],
  env: {
    MALLOC_ARENA_MAX: '2',
    MALLOC_MMAP_THRESHOLD_: '131072',
    MALLOC_TRIM_THRESHOLD_: '131072'
  }
}

export interface Worker<Ask> extends Disposable {
  readonly pid: number
  ask<T>(asked: Ask): Promise<T>
}

/** A process of the bench, asked one thing at a time. */
export function startWorker<Ask extends object>(
  file: string,
  { execArgv = [], env = {} }: { execArgv?: readonly string[]; env?: NodeJS.ProcessEnv } = {}
): Worker<Ask> {
  const child = fork(file, {
    execArgv: ['--expose-gc', ...execArgv],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} has ended with ${code}`)
  })
  gone.catch(() => {})
  return {
    pid: child.pid!,
    async ask<T>(asked: Ask): Promise<T> {
      child.send(asked)
      const [{ result, error }] = await Promise.race([once(child, 'message'), gone])
      if (error !== undefined) throw new Error(error)
      return result as T
    },
    [Symbol.dispose]: () => child.connected && child.disconnect()
  }
}

/** The worker's side. @param stack what is closed when the parent has had enough */
export function answerParent<Ask>(
  answer: (asked: Ask) => Promise<unknown>,
  stack: AsyncDisposableStack
): void {
  process.on('message', (asked: Ask) => {
    answer(asked).then(
      (result = null) => process.send!({ result }),
      err => process.send!({ error: `${(err as Error).stack}` })
    )
  })
  process.on('disconnect', () => void stack.disposeAsync().finally(() => process.exit()))
}
