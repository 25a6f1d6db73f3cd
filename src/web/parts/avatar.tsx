import type { JSX } from 'preact'
import { contactOf } from '../data/session.ts'
import { nameOf } from '../text/format.ts'
import { plainOf } from '../text/tricks.ts'

/** Of a person. The colour comes from the key, the pinned one unless told, so that another key is another colour. */
export function Avatar({
  alias,
  fingerprint,
  size = 40
}: {
  alias: string
  fingerprint?: string | null
  size?: number
}): JSX.Element {
  const print = fingerprint ?? contactOf(alias)?.fingerprint ?? alias
  const name = plainOf(nameOf(alias)).replace(/[^\p{L}\p{N}]/gu, '')
  const letter = [...name][0]?.toUpperCase() ?? '?'
  return (
    <span class={`avatar hue-${hueOf(print)}${size < 34 ? ' small' : ''}`} aria-hidden="true">
      {letter}
    </span>
  )
}

const hues = 12
function hueOf(text: string): number {
  let sum = 0
  for (const character of text) sum = (sum * 31 + character.codePointAt(0)!) >>> 0
  return sum % hues
}
