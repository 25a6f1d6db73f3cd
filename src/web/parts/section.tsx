import type { ComponentChildren, JSX } from 'preact'

/** A part of the settings: what it is at the side, and what can be done beside it. */
export const Section = ({
  title,
  note,
  children
}: {
  title: string
  note?: string
  children: ComponentChildren
}): JSX.Element => (
  <section class="setting-group">
    <div class="setting-head">
      <h2>{title}</h2>
      {note && <p class="hint">{note}</p>}
    </div>
    <div class="setting-body stack">{children}</div>
  </section>
)
