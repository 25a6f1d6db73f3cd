import type { JSX } from 'preact'
import { dismiss, toasts } from '../data/toasts.ts'
import { Button } from './basics.tsx'

export const Toasts = (): JSX.Element => (
  <div class="toasts" role="status" aria-live="polite">
    {toasts.value.map(({ id, text, hint, kind, undo }) => (
      <div key={id} class={`toast ${kind}`}>
        <div>
          <p>{text}</p>
          {hint && <p class="hint">{hint}</p>}
        </div>
        {undo && (
          <Button
            kind="quiet"
            onClick={() => {
              undo()
              dismiss(id)
            }}
          >
            Undo
          </Button>
        )}
        <Button icon="close" label="Dismiss" kind="quiet" onClick={() => dismiss(id)} />
      </div>
    ))}
  </div>
)
