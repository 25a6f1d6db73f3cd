import { pino } from 'pino'
import type { Clock, Log } from '../base/ports.ts'
import { systemClock } from './clock.ts'
import { systemRandom } from './random.ts'
import { createPseudonym, scrub } from './scrub.ts'

interface LogParts {
  level: 'debug' | 'info' | 'warn' | 'silent'
  /** Takes one line without its end. */
  write: (line: string) => void
  /** One JSON object per line, else text for people. */
  json?: boolean
  clock?: Pick<Clock, 'now'>
}

/** Fields that name somebody, whatever stands in them: an alias may be a bare name. */
const personal = [
  ...['account', 'address', 'addresses', 'alias', 'certificate', 'device', 'fingerprint'],
  ...['invite', 'key', 'letter', 'name', 'peer', 'pin', 'subject', 'token']
]

const pseudonym = createPseudonym(systemRandom.bytes(32))

/**
 * Says who by pseudonyms that hold as long as the process. Times are UTC. Line breaks and control characters in fields are escaped, so that a stranger
 * cannot forge a line. Source: docs/decisions/080-operations.md
 */
export function createLog({ level, write, json = false, clock = systemClock }: LogParts): Log {
  const shape = json ? ascii : textOf
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'event',
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: {
        level: label => ({ level: label }),
        log: fields => scrub(fields, pseudonym) as Record<string, unknown>
      },
      redact: { paths: personal, censor: value => hidden(value) }
    },
    { write: line => write(shape(line.trimEnd())) }
  )
  const line =
    (at: 'debug' | 'info' | 'warn') =>
    (event: string, fields: Record<string, unknown> = {}) =>
      logger[at](fields, event)
  return { debug: line('debug'), info: line('info'), warn: line('warn') }
}

const hidden = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(hidden) : value == null ? value : pseudonym(String(value))

interface OpenLogOptions {
  level: LogParts['level']
  /** A file that is appended to; standard error unless told. */
  file?: string
  /** As text on a terminal, else as JSON, unless told. */
  format?: 'auto' | 'text' | 'json'
}

/** More is not kept for a disk that takes nothing. */
const unwrittenBytesMax = 64 * 1_024

/** Each line has left the process when the call returns, so none is lost when it ends, however it ends. What cannot be written is dropped. */
export function openLog({ level, file, format = 'auto' }: OpenLogOptions): Log & Disposable {
  const isTerminal = file === undefined && process.stderr.isTTY === true
  const json = format === 'auto' ? !isTerminal : format === 'json'
  const dest = file ?? process.stderr.fd
  const out = pino.destination({
    ...{ dest, sync: true, append: true, mode: 0o600, maxLength: unwrittenBytesMax }
  })
  out.on('error', () => undefined)
  let isOpen = true
  const log = createLog({ level, json, write: line => void (isOpen && out.write(`${line}\n`)) })
  return {
    ...log,
    [Symbol.dispose]() {
      isOpen = false
      if (file !== undefined) out.end()
    }
  }
}

function textOf(line: string): string {
  const { time, level, event, ...fields } = JSON.parse(line) as Record<string, string>
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`)
  return `${time} ${level!.padEnd(5)} ${event}${rest.join('')}`
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text) ? text : ascii(JSON.stringify(text))
}

/** Beyond ASCII there are control characters that terminals obey, and letters that turn the reading order round. */
const ascii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
