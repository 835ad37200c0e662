// The instrument's bare bones; everything in them that comes from data is set as text.

export const TEMPLATE = `
<div class="s2x">
  <aside class="side">
    <dl class="readout" aria-live="polite">
      <div class="cage"><dt>CAGE predicted</dt><dd data-is="predicted"></dd></div>
      <div><dt>observed</dt><dd data-is="observed"></dd></div>
      <div><dt>promoter only</dt><dd data-is="promoter"></dd></div>
      <div><dt>Mask kept</dt><dd data-is="kept"></dd></div>
      <div><dt>Elements</dt><dd data-is="elements"></dd></div>
      <div><dt>Jaccard, MACS3</dt><dd data-is="jaccard"></dd></div>
      <div class="stamp" data-is="stamp"></div>
    </dl>
    <div class="controls"></div>
  </aside>
  <section class="main">
    <header class="deck">
      <div class="words"><strong data-is="title"></strong><span data-is="why"></span></div>
      <dl>
        <div><dt>CAGE predicted</dt><dd data-is="deck-predicted"></dd></div>
        <div><dt>observed</dt><dd data-is="deck-observed"></dd></div>
        <div><dt>promoter only</dt><dd data-is="deck-promoter"></dd></div>
      </dl>
      <div class="turn">
        <button type="button" data-act="previous" aria-label="Previous locus" title="Previous locus (left arrow, K)">‹</button>
        <span data-is="page"></span>
        <button type="button" data-act="next" aria-label="Next locus" title="Next locus (right arrow, J, space)">›</button>
        <button type="button" data-act="full" title="Fill the screen">Full screen</button>
        <button type="button" data-act="link" title="Link and QR code of this locus in Explore">Link</button>
        <button type="button" data-act="help" title="Keys of the talk (?)" aria-label="Keys of the talk">?</button>
      </div>
    </header>
    <div class="bar">
      <button type="button" data-act="left" title="Pan left by half (arrow key)" aria-label="Pan left">‹</button>
      <button type="button" data-act="right" title="Pan right by half (arrow key)" aria-label="Pan right">›</button>
      <button type="button" data-act="out" title="Zoom out three times (-)" aria-label="Zoom out">−</button>
      <button type="button" data-act="in" title="Zoom in three times (+)" aria-label="Zoom in">+</button>
      <button type="button" data-act="tss" title="Go to the transcription start site (t)">TSS</button>
      <button type="button" data-act="all" title="Show the whole window (0)">All</button>
      <span class="place" data-is="place"></span>
      <span class="hint">scroll to zoom, drag to pan, shift and drag to mark</span>
      <button type="button" data-act="unband" hidden title="Remove every marked stretch">Clear marks</button>
      <button type="button" data-act="svg" title="Save the figure as SVG with its caption">SVG</button>
      <button type="button" data-act="png" title="Save the figure as PNG with its caption">PNG</button>
      <button type="button" data-act="link" title="Copy the link to this view, with its QR code">Copy link</button>
      <button type="button" data-act="help" title="Keys of the figure (?)" aria-label="Keys of the figure">?</button>
    </div>
    <div class="figure" tabindex="0" role="img" aria-label="Genes, signals, mask, elements and peaks on one genome axis">
      <div class="plot"></div>
      <canvas></canvas>
    </div>
  </section>
  <dialog class="link" aria-label="Link">
    <form method="dialog">
      <h4></h4>
      <input type="text" readonly aria-label="Address">
      <p data-is="copied" role="status"></p>
      <div class="qr"></div>
      <p data-is="qr"></p>
      <button>Close</button>
    </form>
  </dialog>
  <dialog class="help" aria-label="Keys of the figure">
    <form method="dialog">
      <h4>Keys, while the figure has the focus</h4>
      <table><tbody></tbody></table>
      <button>Close</button>
    </form>
  </dialog>
</div>
`;
