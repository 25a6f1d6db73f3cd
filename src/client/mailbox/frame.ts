import { decodeLetter } from '../../wire/letter.ts'

/** What a kept letter says: of an imported one the text is all there is. */
export const textOfFrame = ({ imported }: { imported: boolean }, frame: Uint8Array): string =>
  Buffer.from(imported ? frame : decodeLetter(frame).body).toString('utf8')
