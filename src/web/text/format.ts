import type { Millis } from '../../base/ports.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'short' })
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })
const date = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })

const isSameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString()

/** As short as it can be told from others: 14:05, Tue, 3 May, 3 May 2024. */
export function when(atMs: Millis, nowMs: Millis): string {
  const at = new Date(atMs)
  const now = new Date(nowMs)
  if (isSameDay(at, now)) return timeOfDay.format(at)
  if (atMs > nowMs - 6 * dayMs && atMs < nowMs) return weekday.format(at)
  return at.getFullYear() === now.getFullYear() ? day.format(at) : date.format(at)
}

/** With the time of day: 3 May, 14:05. */
export function moment(atMs: Millis, nowMs: Millis): string {
  const at = new Date(atMs)
  return isSameDay(at, new Date(nowMs))
    ? timeOfDay.format(at)
    : `${when(atMs, nowMs)}, ${timeOfDay.format(at)}`
}

export const exactly = (atMs: Millis): string => whole.format(new Date(atMs))

/** in 3 days, 2 hours ago, just now. */
export function apart(atMs: Millis, nowMs: Millis): string {
  const ms = atMs - nowMs
  const span = Math.abs(ms)
  if (span < 45_000) return ms > 0 ? 'in a moment' : 'just now'
  if (span < hourMs) return relative.format(Math.round(ms / 60_000), 'minute')
  if (span < 1.5 * dayMs) return relative.format(Math.round(ms / hourMs), 'hour')
  return relative.format(Math.round(ms / dayMs), 'day')
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** 1.5 MiB */
export function size(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_024
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1).replace(/\.0$/, '')} ${units[unit]}`
}

/** In groups of four, as they are read to each other. */
export const grouped = (fingerprint: string): string[] =>
  fingerprint.toUpperCase().match(/.{1,4}/g) ?? []

export const count = (n: number, one: string, many = `${one}s`): string =>
  `${n.toLocaleString('en')} ${n === 1 ? one : many}`

export const nameOf = (alias: string): string => alias.split('@')[0] ?? alias

/** 40 s, 3 min, 2 h */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  if (seconds < 90) return `${seconds} s`
  return seconds < 5_400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`
}
