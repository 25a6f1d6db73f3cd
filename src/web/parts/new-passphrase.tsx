import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { Problem } from '../data/ask.ts'
import { Field } from './basics.tsx'

interface NewPassphraseProps {
  label: string
  /** Null while the two differ. */
  onChange: (passphrase: string | null) => void
}

/** A passphrase, typed twice: its form refuses while the two differ. */
export function NewPassphrase({ label, onChange }: NewPassphraseProps): JSX.Element {
  const first = useSignal('')
  const again = useSignal('')
  const differs = again.value !== '' && again.value !== first.value
  const input = (id: string, describedBy: string | undefined, typed: typeof first) => (
    <input
      id={id}
      aria-describedby={describedBy}
      type="password"
      required
      minLength={8}
      autocomplete="new-password"
      value={typed}
      onInput={e => {
        typed.value = e.currentTarget.value
        onChange(again.value === first.value ? first.value : null)
      }}
    />
  )
  return (
    <div class="two">
      <Field label={label} hint={strength(first.value)}>
        {(id, describedBy) => input(id, describedBy, first)}
      </Field>
      <Field label="Once more" hint={differs ? 'The two differ.' : undefined}>
        {(id, describedBy) => input(id, describedBy, again)}
      </Field>
    </div>
  )
}

/** @throws {Problem} */
export function samePassphrase(given: string | null): string {
  if (given !== null) return given
  throw new Problem({ code: 'USAGE', message: 'the two passphrases differ', hint: '' })
}

/** Length is what counts; a passphrase of few different characters is as good as a short one. */
function strength(passphrase: string): string {
  if (passphrase === '') return 'Some words that do not belong together. Nobody can reset it.'
  const worth = Math.min(passphrase.length, 2 * new Set(passphrase).size)
  return worth < 10 ? 'Too easy to guess: add words.' : worth < 16 ? 'Could be longer.' : 'Good.'
}
