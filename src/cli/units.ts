import { MuttrError } from '../base/errors.ts'
import type { Millis } from '../base/ports.ts'

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const

export const usage = (message: string, hint?: string): MuttrError =>
  new MuttrError('USAGE', message, hint === undefined ? {} : { hint })

/** `30m`, `12h`, `7d`, `1.5h` as milliseconds. @throws {MuttrError} `USAGE` */
export function parseDuration(text: string): Millis {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)\s?([smhdw])$/.exec(text) ?? []
  const lifeMs = Number(amount) * unitsMs[unit as keyof typeof unitsMs]
  if (Number.isFinite(lifeMs) && lifeMs > 0) return Math.round(lifeMs)
  throw usage(`'${text}' is not a length of time`, 'Write for example 30m, 12h or 7d.')
}

/** A whole number in a range. @throws {MuttrError} `USAGE` */
export function parseCount(text: string, min: number, max: number): number {
  const count = Number(text)
  if (/^\d{1,9}$/.test(text) && count >= min && count <= max) return count
  throw usage(`'${text}' is not a whole number from ${min} to ${max}`)
}

const sizes = { '': 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const

/** `512KiB`, `2GiB`, `1.5 MiB`, or plain bytes. @throws {MuttrError} `USAGE`, also below `least` */
export function parseBytes(text: string, least: number): number {
  const [, amount, unit] = /^(\d{1,12}(?:\.\d{1,3})?)\s?((?:[KMGT]iB)?)$/.exec(text) ?? []
  const bytes = Math.round(Number(amount) * sizes[(unit ?? '') as keyof typeof sizes])
  if (Number.isSafeInteger(bytes) && bytes >= least) return bytes
  throw usage(
    `'${text}' is no size of at least ${formatBytes(least)}`,
    'Write for example 512KiB or 2GiB.'
  )
}

/** `3 d`, `12 h`, `5 min`, `40 s`: the largest unit that is at least one. */
export function formatDuration(lengthMs: Millis): string {
  const rounded = Math.max(0, lengthMs)
  if (rounded >= 2 * unitsMs.d) return `${Math.round(rounded / unitsMs.d)} d`
  if (rounded >= unitsMs.h) return `${Math.round(rounded / unitsMs.h)} h`
  if (rounded >= unitsMs.m) return `${Math.round(rounded / unitsMs.m)} min`
  return `${Math.round(rounded / unitsMs.s)} s`
}

export function formatBytes(sizeBytes: number): string {
  if (sizeBytes < 1024) return `${sizeBytes} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const step = Math.min(units.length, Math.floor(Math.log2(sizeBytes) / 10))
  const amount = sizeBytes / 1024 ** step
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${units[step - 1]}`
}

/** A measured number: four digits that count. */
export function formatFigure(value: number): string {
  const size = Math.abs(value)
  if (Number.isInteger(value) && size < 1e12) return String(value)
  return size >= 1e4 && size < 1e12
    ? String(Math.round(value))
    : String(Number(value.toPrecision(4)))
}

const two = (n: number): string => String(n).padStart(2, '0')

/** In local time: `14:05` for today, else `2026-03-01 14:05`. */
export function formatTime(atMs: Millis, nowMs: Millis): string {
  const at = new Date(atMs)
  if (Number.isNaN(at.getTime())) return '?'
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`
  if (at.toDateString() === new Date(nowMs).toDateString()) return time
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`
}

/** Ids and keys as people see and type them. */
export const shortId = (id: string): string => id.slice(0, 8)

/** A fingerprint in groups of four, to be compared by eye or ear. */
export const grouped = (fingerprint: string): string =>
  (fingerprint.toUpperCase().match(/.{1,4}/g) ?? []).join(' ')
