import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { Button, Dialog } from './basics.tsx'

interface ConfirmProps {
  title: string
  children: ComponentChildren
  yes: string
  no: string
  onYes: () => Promise<void>
  onClose: () => void
}

/** Asks before something that cannot be undone. */
export function Confirm({ title, children, yes, no, onYes, onClose }: ConfirmProps): JSX.Element {
  const isBusy = useSignal(false)
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="stack">
        <p>{children}</p>
        <div class="buttons">
          <Button
            kind="danger"
            busy={isBusy.value}
            onClick={() => {
              isBusy.value = true
              void onYes().then(onClose)
            }}
          >
            {yes}
          </Button>
          <Button kind="quiet" onClick={onClose}>
            {no}
          </Button>
        </div>
      </div>
    </Dialog>
  )
}
