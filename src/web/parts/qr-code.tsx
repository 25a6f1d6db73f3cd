import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { Spinner } from './basics.tsx'

/** Dark squares on white, whatever the theme: cameras want it so. What draws them is loaded when there is something to draw. */
export function QrCode({ text, label }: { text: string; label: string }): JSX.Element {
  const rows = useSignal<boolean[][]>([])
  useEffect(() => {
    void import('qr').then(({ encodeQR }) => {
      rows.value = encodeQR(text, 'raw', { ecc: 'low' })
    })
  }, [text])
  if (rows.value.length === 0) return <Spinner />
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${rows.value.length} ${rows.value.length}`}
      role="img"
      aria-label={label}
    >
      <rect width="100%" height="100%" fill="#fff" />
      <path
        fill="#000"
        d={rows.value
          .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')))
          .join('')}
      />
    </svg>
  )
}
