import type { ComponentChildren, JSX } from 'preact'
import { Field } from './basics.tsx'

interface FileFieldProps {
  label: string
  hint?: ComponentChildren
  onText: (text: string) => void
}

const fileBytesMax = 512 * 1_024

/** A small file of text. */
export const FileField = ({ label, hint, onText }: FileFieldProps): JSX.Element => (
  <Field label={label} hint={hint}>
    {(id, describedBy) => (
      <input
        id={id}
        aria-describedby={describedBy}
        type="file"
        onChange={async e => {
          const file = e.currentTarget.files?.[0]
          onText(file && file.size <= fileBytesMax ? await file.text() : '')
        }}
      />
    )}
  </Field>
)
