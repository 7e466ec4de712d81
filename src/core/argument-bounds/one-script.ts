/** The scripts that names are written in today (UAX #31, table 5). */
const SCRIPTS =
  'Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew ' +
  'Hiragana Kannada Katakana Khmer Lao Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan'

/** The few mixtures that a language needs, and whose signs nobody takes for one another (UTS #39, Highly Restrictive). */
const MIXTURES = ['Latin Han Hiragana Katakana', 'Latin Han Bopomofo', 'Latin Han Hangul']

const ALPHABETS = [...SCRIPTS.split(' '), ...MIXTURES].map(
  (scripts) => new RegExp(`^[${scripts.replace(/\w+ ?/g, (name) => `\\p{scx=${name.trim()}}`)}0-9-]+$`, 'u'),
)

/** Letters, marks and numbers: what a label of a host name can be made of. */
const NAME = /^[\p{L}\p{M}\p{N}-]+$/u

/** Why one label of a host name is not written in one script, so that a letter could pass for one of another. */
export function scriptFault(label: string): string | undefined {
  if (!NAME.test(label)) return 'holds a sign that is neither letter nor digit'
  return ALPHABETS.some((alphabet) => alphabet.test(label)) ? undefined : 'mixes scripts'
}
