import type { ProvenAnswer, VerifiedSplitView } from '../client/verify-split-view.ts'
import type { Output } from './output.ts'
import { line, type Pair, pairs } from './text.ts'
import { formatTime, grouped } from './units.ts'

/** What the file proves, of whom, and what it does not prove. Source: docs/protocol/proof.md#a-split-view */
export function splitViewText({ style, nowMs }: Output, split: VerifiedSplitView): string {
  const { alias, pod, fingerprint, former, later } = split
  const time = (atMs: number) => formatTime(atMs, nowMs)
  const said = (answer: ProvenAnswer): Pair[] => [
    ['key', grouped(answer.fingerprint)],
    ['certified', time(answer.certifiedMs)],
    ['shown', `${time(answer.issuedMs)}, good until ${time(answer.validUntilMs)}`]
  ]
  const head = pairs(style, [
    ['alias', alias],
    ['pod', pod],
    ['its key', `${grouped(fingerprint)}  (compare it with the one that you know as the pod's)`]
  ])
  const means = pairs(style, [
    ['proves', `whoever has the key of ${line(pod)} signed both, and no honest pod does that`],
    [
      '',
      'It had certified the second key, showed the first one after that, then the second again.'
    ],
    ['not', 'which of the two keys is the right one, nor who was shown which'],
    [
      '',
      'A pod restored twice, first to an older and then to a newer backup, would sign the same, and'
    ],
    [
      '',
      'so would one whose clock was ahead and then set right, if the alias changed hands meanwhile.'
    ],
    ['forged by', 'nobody without the key of the pod']
  ])
  return [
    head,
    `${style.bold('Shown first')}\n${pairs(style, said(former))}`,
    `${style.bold('Shown later, and certified before the first was shown')}\n${pairs(style, said(later))}`,
    `${style.bad('A split view')}\n${means}`
  ].join('\n\n')
}
