import { spawn } from 'node:child_process'

/** What a pager is to do when the person has said nothing: end at once when all fits, show colours, leave the text on the screen. */
const lessUsual = 'FRX'

/**
 * Shows a text in the person's pager: MUTTR_PAGER, else PAGER, else less. No shell reads its name; `cat` and the empty name stand for none.
 * @returns false when there is none, so that the text is still to be printed.
 */
export async function showInPager(text: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const [program = '', ...args] = (env.MUTTR_PAGER ?? env.PAGER ?? 'less').trim().split(/\s+/)
  if (program === '' || program === 'cat') return false
  const child = spawn(program, args, {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...env, LESS: env.LESS ?? lessUsual }
  })
  return new Promise(resolve => {
    child.once('error', () => resolve(false))
    child.once('close', () => resolve(true))
    // Who has read enough closes the pager before all of it was written.
    child.stdin.on('error', () => undefined).end(text)
  })
}

/** Whether a text leaves a screen that high, with a line for the prompt. Long lines wrap. */
export function isTaller(
  text: string,
  { rows, columns }: { rows: number; columns: number },
  widthOf: (text: string) => number
): boolean {
  let used = 0
  for (const line of text.split('\n')) {
    used += Math.max(1, Math.ceil(widthOf(line) / columns))
    if (used >= rows) return true
  }
  return false
}
