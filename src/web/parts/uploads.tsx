import type { JSX } from 'preact'
import type { Upload, Uploads } from '../data/uploads.ts'
import { duration, size } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'
import { Button } from './basics.tsx'
import { Icon } from './icons.tsx'

/** The files that a letter will carry, and how far each is. */
export const UploadList = ({ uploads }: { uploads: Uploads }): JSX.Element | null =>
  uploads.now.value.length === 0 ? null : (
    <ul class="files" aria-label="Attached files">
      {uploads.now.value.map(upload => (
        <Row key={upload.key} upload={upload} uploads={uploads} />
      ))}
    </ul>
  )

function Row({ upload, uploads }: { upload: Upload; uploads: Uploads }): JSX.Element {
  const { name, sizeBytes, readBytes, stored } = upload
  const isPaused = stored?.state === 'paused'
  const part = readBytes ?? stored?.storedBytes ?? 0
  const whole = Math.max(1, readBytes === null ? (stored?.sealedBytes ?? sizeBytes) : sizeBytes)
  return (
    <li class="file-row">
      <Icon name="clip" size={16} />
      <div class="file-text">
        <p class="file-name">
          <Safe text={name} />
        </p>
        {stored?.state !== 'stored' && (
          <progress class="bar" max={whole} value={part} aria-label={`Progress of ${name}`} />
        )}
        <p class="hint">
          {size(sizeBytes)} · {saying(upload)}
        </p>
      </div>
      {stored && stored.state !== 'stored' && stored.state !== 'failed' && (
        <Button
          icon={isPaused ? 'play' : 'pause'}
          label={isPaused ? 'Go on' : 'Pause'}
          kind="quiet"
          onClick={() => void uploads.pause(stored.id, !isPaused)}
        />
      )}
      <Button
        icon="close"
        label={`Remove ${name}`}
        kind="quiet"
        onClick={() => void uploads.remove(upload)}
      />
    </li>
  )
}

const words = {
  sealing: 'being sealed',
  storing: 'on its way to its holders',
  stored: 'stored',
  paused: 'paused',
  failed: 'failed'
} as const

function saying({ readBytes, stored }: Upload): string {
  if (!stored) return readBytes === 0 ? 'waits' : 'being read and sealed'
  const { state, bytesPerSecond, remainingMs, problem } = stored
  if (problem && state !== 'stored') return problem.message
  if (state !== 'storing' || bytesPerSecond === null) return words[state]
  const left = remainingMs === null ? '' : `, ${duration(remainingMs)} left`
  return `${words[state]}, ${size(bytesPerSecond)}/s${left}`
}
