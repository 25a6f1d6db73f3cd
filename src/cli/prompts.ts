import type { Readable } from 'node:stream'
import type { Terminal } from './output.ts'

interface Streams {
  input: Readable
  output: Terminal
  signal: AbortSignal
}

/** Questions at a terminal. Both give undefined when the person gave up (Escape, Ctrl-C). */
export interface Prompts {
  password(message: string, streams: Streams): Promise<string | undefined>
  confirm(message: string, streams: Streams): Promise<boolean | undefined>
}

/** Loaded when somebody is asked, so that nothing else waits for it. */
export const terminalPrompts: Prompts = {
  async password(message, streams) {
    const { isCancel, password } = await import('@clack/prompts')
    const given = await password({ message, ...streams })
    return isCancel(given) ? undefined : (given ?? '')
  },
  async confirm(message, streams) {
    const { confirm, isCancel } = await import('@clack/prompts')
    const given = await confirm({ message, initialValue: false, ...streams })
    return isCancel(given) ? undefined : given
  }
}
