import type { ChosenPolicy, LetterRequest, Policy } from '../client/requests/request.ts'
import type { Output } from './output.ts'
import { line, table } from './text.ts'
import { formatBytes, formatTime, grouped, shortId } from './units.ts'

/** Who asks to be read. Whatever they wrote of themselves is cleaned here or in the table. */
export function requestsText(out: Output, requests: readonly LetterRequest[]): string {
  if (requests.length === 0) return 'Nobody asks to be read.'
  const listed = table({
    ...out,
    heads: ['ID', 'FROM', 'LETTERS', 'SIZE', 'NEWEST', 'WORD OF THE POD'],
    rows: requests.map(request => [
      shortId(request.id),
      request.alias,
      String(request.letters),
      formatBytes(request.sizeBytes),
      formatTime(request.atMs, out.nowMs),
      request.contact
        ? 'a contact of yours'
        : request.certifiedByPod
          ? 'this is their key'
          : 'none: anybody can claim this name'
    ])
  })
  const warnings = requests.flatMap(({ alias, looksLike, invited, fingerprint }) => [
    ...(looksLike === null ? [] : [lookWarning(out, alias, looksLike)]),
    ...(invited === null ? [] : [invitedWarning(out, { alias, invited, fingerprint })])
  ])
  return [
    listed,
    ...warnings,
    out.style.dim('Let in: muttr accept ALIAS. Else: ignore, block.')
  ].join('\n')
}

const lookWarning = ({ style }: Output, alias: string, looksLike: string): string =>
  style.bad(`! ${line(alias)} is not ${line(looksLike)}, and looks like it.`)

function invitedWarning(
  { style }: Output,
  { alias, invited, fingerprint }: Record<'alias' | 'invited' | 'fingerprint', string>
): string {
  const keys = `${grouped(line(invited))}, and ${grouped(line(fingerprint))} asks`
  return `${style.bad(`! Your invitation named another key for ${line(alias)}:`)} ${keys}.`
}

/** Before somebody is let in whose name looks like another's. */
export const lookQuestion = (out: Output, request: LetterRequest): string =>
  `${lookWarning(out, request.alias, request.looksLike ?? '')}\n  Its key: ${grouped(request.fingerprint)}\n`

const meanings: Record<Policy, string> = {
  pull: 'letters come in',
  ask: 'you are asked about each',
  ignore: 'ignored'
}

export function policiesText(out: Output, policies: readonly ChosenPolicy[]): string {
  if (policies.length === 0) return 'Nothing special was said about anybody.'
  return table({
    ...out,
    heads: ['ALIAS', 'SINCE', 'LETTERS'],
    rows: policies.map(({ alias, policy, sinceMs }) => [
      alias,
      formatTime(sinceMs, out.nowMs),
      meanings[policy]
    ])
  })
}
