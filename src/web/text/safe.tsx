import type { JSX } from 'preact'
import { pieces } from './tricks.ts'

/** A name or a subject of somebody else: on one line, on its own as far as the reading order goes, with nothing hidden in it. */
export function Safe({
  text,
  isMultiline = false
}: {
  text: string
  isMultiline?: boolean
}): JSX.Element {
  return (
    <bdi dir="auto">
      {pieces(text, isMultiline).map(({ text, trick }) =>
        trick ? (
          <span class="trick" title={`A hidden character: ${trick}`}>
            {trick}
          </span>
        ) : (
          text
        )
      )}
    </bdi>
  )
}
