import type { Clock, Log } from '../base/ports.ts'
import { systemClock } from './clock.ts'

const levels = ['debug', 'info', 'warn', 'silent'] as const
type LogLevel = (typeof levels)[number]

interface LogParts {
  level: LogLevel
  /** Takes one line without its end. */
  write: (line: string) => void
  /** One JSON object per line, else text for people. */
  json?: boolean
  clock?: Pick<Clock, 'now'>
}

/** Times are UTC. Line breaks and control characters in fields are escaped, so that a stranger cannot forge a line. */
export function createLog({ level, write, json = false, clock = systemClock }: LogParts): Log {
  const line =
    (at: LogLevel) =>
    (event: string, fields: Record<string, unknown> = {}) => {
      if (levels.indexOf(at) < levels.indexOf(level)) return
      const time = new Date(clock.now()).toISOString()
      if (json) return write(ascii(JSON.stringify({ time, level: at, event, ...fields }, plain)))
      const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`)
      write(`${time} ${at.padEnd(5)} ${event}${rest.join('')}`)
    }
  return { debug: line('debug'), info: line('info'), warn: line('warn') }
}

const plain = (_name: string, value: unknown): unknown =>
  value instanceof Error
    ? value.message
    : value instanceof Uint8Array
      ? Buffer.from(value).toString('hex')
      : typeof value === 'bigint'
        ? String(value)
        : value

function shown(value: unknown): string {
  const flat = plain('', value)
  const text = typeof flat === 'string' ? flat : (JSON.stringify(flat, plain) ?? '-')
  return /^[\x21\x23-\x3c\x3e-\x7e]+$/.test(text) ? text : ascii(JSON.stringify(text))
}

/** Beyond ASCII there are control characters that terminals obey, and letters that turn the reading order round. */
const ascii = (json: string): string =>
  json.replace(/[^\x20-\x7e]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
