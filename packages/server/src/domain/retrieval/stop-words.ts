/** English function words, and what contractions leave behind when the apostrophe separates. */
const words = `
  i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers
  herself it its itself they them their theirs themselves what which who whom whose this that these those
  am is are was were be been being have has had having do does did doing done would could should might must
  a an the and but if or because as until while of at by for with about against between into through during
  before after above below to from up down in out on off over under again further then once here there when
  where why how all any both each few more most other some such no nor not only own same so than too very
  can will just now also s t d m ll re ve don didn doesn isn aren wasn weren hasn haven hadn won wouldn
  couldn shouldn mustn ain let us
`

export const stopWords: ReadonlySet<string> = new Set(words.trim().split(/\s+/))
