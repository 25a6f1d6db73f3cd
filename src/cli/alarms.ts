import type { Alarm } from '../client/client.ts'
import type { Output } from './output.ts'
import { line } from './text.ts'
import { formatTime } from './units.ts'

export function alarmsText(out: Output, alarms: readonly Alarm[]): string {
  if (alarms.length === 0) return 'No alarms: your pods show of you what you gave them.'
  return alarms.map(alarm => alarmText(out, alarm)).join('\n\n')
}

function alarmText({ style, nowMs }: Output, alarm: Alarm): string {
  const { alias, detail, hint, sinceMs, lastMs, standing } = alarm
  const when = standing
    ? `since ${formatTime(sinceMs, nowMs)}`
    : `seen ${formatTime(sinceMs, nowMs)}${lastMs === sinceMs ? '' : ` to ${formatTime(lastMs, nowMs)}`}, and over by the last look`
  return [
    `${style.bad(`! ${line(alias)}`)}  ${when}`,
    `  ${line(detail)}`,
    `  ${line(hint)}`,
    `  When you have taken note: muttr alarms answer ${line(alias)}`
  ].join('\n')
}
