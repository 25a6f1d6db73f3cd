import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { Client } from '../../client/client.ts'
import { json } from '../data/ask.ts'
import { attempt, tell } from '../data/toasts.ts'
import { Button, Dialog, Fingerprint, Spinner } from '../parts/basics.tsx'

type Card = Awaited<ReturnType<Client['card']>>

/** What to hand to people, so that they can write and know whose key it is: a link, and the same as a QR code. */
export function Card({ onClose }: { onClose: () => void }): JSX.Element {
  const card = useSignal<Card | null>(null)
  const code = useSignal<boolean[][]>([])
  useEffect(() => {
    void attempt(async () => {
      const [made, { encodeQR }] = await Promise.all([json<Card>('/card'), import('qr')])
      code.value = encodeQR(made.link, 'raw', { ecc: 'low' })
      card.value = made
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
          <QrCode rows={code.value} />
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

/** Dark squares on white, whatever the theme: cameras want it so. */
const QrCode = ({ rows }: { rows: readonly (readonly boolean[])[] }): JSX.Element => (
  <svg
    class="qr"
    viewBox={`0 0 ${rows.length} ${rows.length}`}
    role="img"
    aria-label="The link as a QR code"
  >
    <rect width="100%" height="100%" fill="#fff" />
    <path
      fill="#000"
      d={rows
        .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')))
        .join('')}
    />
  </svg>
)
