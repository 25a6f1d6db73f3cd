import type { ComponentChildren, JSX } from 'preact'
import { Button } from './basics.tsx'
import { Icon } from './icons.tsx'

interface MisplacedProps {
  children: ComponentChildren
  /** The way to where it belongs, if one gets there from here. */
  way?: { name: string; onGo: () => void }
}

/** What was pasted is right, and belongs elsewhere. */
export const Misplaced = ({ children, way }: MisplacedProps): JSX.Element => (
  <div class="callout" role="status">
    <Icon name="warning" />
    <div class="stack">
      <p>{children}</p>
      {way && (
        <div class="buttons">
          <Button onClick={way.onGo}>{way.name}</Button>
        </div>
      )}
    </div>
  </div>
)
