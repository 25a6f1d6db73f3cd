import type { Writable } from 'node:stream'
import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'
import { isTaller } from './terminal/pager.ts'
import { createStyle, json, type Style, widthOf } from './text.ts'

export interface Terminal extends Writable {
  isTTY?: boolean
  columns?: number
  rows?: number
}

/** Nobody reads our output any more (`muttr inbox | head -1`): the command ends at once, quietly, with status 0. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

export interface Output {
  readonly json: boolean
  /** Standard output is somebody's screen. */
  readonly screen: boolean
  readonly style: Style
  readonly columns: number
  readonly nowMs: Millis
  /** One result: an object on one line with --json, else what `human` makes of it. */
  result(value: object, human: (out: Output) => string): Promise<void>
  /** A list: an object per line with --json. */
  results(values: readonly object[], human: (out: Output) => string): Promise<void>
  bytes(bytes: Uint8Array): Promise<void>
  line(text: string): Promise<void>
  /** For people only, on standard error: what goes on, what to do next. */
  note(text: string): void
}

interface OutputParts {
  stdout: Terminal
  stderr: Terminal
  env: NodeJS.ProcessEnv
  json: boolean
  nowMs: Millis
  /** Shows a text that is taller than the screen. @returns false when it is still to be printed */
  pager(text: string): Promise<boolean>
}

export function createOutput(parts: OutputParts): Output {
  const { stdout, stderr, env, json: asJson, nowMs, pager } = parts
  const write = (data: string | Uint8Array): Promise<void> =>
    new Promise((resolve, reject) => {
      stdout.write(data, err => (err ? reject(closedOr(err)) : resolve()))
    })
  const show = async (text: string): Promise<void> => {
    const { rows, columns = 80, isTTY } = stdout
    const isTall = isTTY && rows !== undefined && isTaller(text, { rows, columns }, widthOf)
    if (!isTall || env.TERM === 'dumb' || !(await pager(text))) await write(text)
  }
  const out: Output = {
    json: asJson,
    screen: stdout.isTTY === true,
    style: createStyle(hasColours(stdout, env)),
    columns: stdout.isTTY ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY,
    nowMs,
    result: (value, human) => (asJson ? write(`${json(value)}\n`) : show(`${human(out)}\n`)),
    results: (values, human) => {
      if (!asJson) return show(`${human(out)}\n`)
      return values.length === 0
        ? Promise.resolve()
        : write(values.map(v => `${json(v)}\n`).join(''))
    },
    bytes: write,
    line: text => write(`${text}\n`),
    note: text => {
      if (!asJson) stderr.write(`${text}\n`)
    }
  }
  return out
}

/** Colours only on a screen, and not where https://no-color.org or a dumb terminal say no. */
export const hasColours = (stream: Terminal, env: NodeJS.ProcessEnv): boolean =>
  stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'

function closedOr(err: Error): Error {
  const { code } = err as NodeJS.ErrnoException
  if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') return new OutputClosed()
  const failure = code === 'ENOSPC' || code === 'EDQUOT' ? 'DISK_FULL' : 'DISK_FAILED'
  return new MuttrError(failure, `the output cannot be written: ${err.message}`, { cause: err })
}
