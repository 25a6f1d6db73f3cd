import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Client } from '../../client/client.ts'
import { json } from '../data/ask.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Button, Dialog, Fingerprint, Spinner } from '../parts/basics.tsx'
import { QrCode } from '../parts/qr-code.tsx'

type Card = Awaited<ReturnType<Client['card']>>

/** What to hand to people, so that they can write and know whose key it is: a link, and the same as a QR code. */
export function Card({ onClose }: { onClose: () => void }): JSX.Element {
  const card = useSignal<Card | null>(null)
  useEffect(() => {
    void attempt(async () => {
      card.value = await json<Card>('/card')
    })
  }, [])
  const copy = (link: string) =>
    attempt(async () => {
      await navigator.clipboard.writeText(link)
      tell('The link is copied.')
    })
  return (
    <Dialog title="Your card" onClose={onClose}>
      {card.value === null ? (
        <Spinner />
      ) : (
        <div class="stack card-sheet">
          <QrCode text={card.value.link} label="The link as a QR code" />
          <strong>{card.value.alias}</strong>
          <Fingerprint hex={card.value.fingerprint} />
          <p class="hint">
            Who scans it, or opens the link with Muttr, can write to you and knows that the key is
            yours.
          </p>
          <Button kind="primary" onClick={() => void copy(card.value!.link)}>
            Copy the link
          </Button>
        </div>
      )}
    </Dialog>
  )
}
