import type { JSX } from 'preact'
import { aliases } from '../data/session.ts'
import { Field } from './basics.tsx'

/** One of one's own addresses. */
export const OwnAlias = ({
  label,
  value,
  onChange
}: {
  label: string
  value: string | undefined
  onChange: (alias: string) => void
}): JSX.Element => (
  <Field label={label}>
    {id => (
      <select id={id} value={value} onChange={e => onChange(e.currentTarget.value)}>
        {aliases.value.map(alias => (
          <option value={alias}>{alias}</option>
        ))}
      </select>
    )}
  </Field>
)
