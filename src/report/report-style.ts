/** The stylesheet of a report: light and dark by the reader's system, or by the button. */
export const reportStyle: string = `
:root{color-scheme:light dark;--bg:#f5f6f8;--card:#fff;--text:#171b22;--muted:#566070;--line:#dfe3e9;--grid:#e8ebf0;--blue:#1f57c3;--orange:#a9540a;--red:#b42318;--green:#186a3b;--held:rgba(31,87,195,.07);--tint:#eef2fb;--warn-bg:#fdf1e3;--warn:#7a4100;--good-bg:#e7f4ec;--good:#14532d}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--bg:#0f1216;--card:#171c23;--text:#e7eaf0;--muted:#9aa5b5;--line:#2b323d;--grid:#252c36;--blue:#7cabff;--orange:#f2b067;--red:#ff8f85;--green:#7dd3a0;--held:rgba(124,171,255,.1);--tint:#1c2533;--warn-bg:#33260f;--warn:#f6c98a;--good-bg:#12291b;--good:#9be0b6}}
:root[data-theme=dark]{color-scheme:dark;--bg:#0f1216;--card:#171c23;--text:#e7eaf0;--muted:#9aa5b5;--line:#2b323d;--grid:#252c36;--blue:#7cabff;--orange:#f2b067;--red:#ff8f85;--green:#7dd3a0;--held:rgba(124,171,255,.1);--tint:#1c2533;--warn-bg:#33260f;--warn:#f6c98a;--good-bg:#12291b;--good:#9be0b6}
:root[data-theme=light]{color-scheme:light}
*{box-sizing:border-box}
a{color:var(--blue)}
body{margin:0;background:var(--bg);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}
header.page{display:flex;gap:16px;align-items:flex-start;justify-content:space-between;margin-bottom:14px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}
h2{font-size:20px;margin:0;letter-spacing:-.005em}
h3{font-size:15px;margin:0 0 8px}
p{margin:0 0 8px}
.muted,.sub{color:var(--muted)}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:0 0 18px}
.head{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:baseline;justify-content:space-between;margin-bottom:12px}
.notes{list-style:none;margin:0 0 18px;padding:0}
.notes li{background:var(--tint);border-left:3px solid var(--blue);padding:7px 12px;margin-bottom:6px;border-radius:0 6px 6px 0}
button.theme{font:inherit;font-size:13px;color:var(--text);background:var(--card);border:1px solid var(--line);border-radius:7px;padding:5px 11px;cursor:pointer;white-space:nowrap}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:7px 10px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th{font-weight:600;color:var(--muted);font-size:13px}
thead th{vertical-align:bottom}
tbody tr:last-child>*{border-bottom:0}
th[scope=row],.left{text-align:left}
th[scope=row]{color:var(--text);font-size:14px}
td.params{text-align:left;white-space:normal;min-width:160px}
tr.rest th,tr.rest td{color:var(--muted)}
tr.group>*{border-top:1px solid var(--line)}
.summary{border-bottom:1px solid var(--line)}
.summary td:not(.params){border-bottom-style:dotted}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(138px,1fr));gap:10px;margin:0 0 16px}
.tile{border:1px solid var(--line);border-radius:8px;padding:9px 12px}
.tile b{display:block;font-size:20px;line-height:1.25;font-weight:650;font-variant-numeric:tabular-nums}
.tile span{color:var(--muted);font-size:12.5px;display:block}
.verdict{display:inline-block;border-radius:6px;padding:3px 10px;font-size:13.5px}
.verdict.luck{background:var(--warn-bg);color:var(--warn)}
.verdict.solid{background:var(--good-bg);color:var(--good)}
.verdict.open{background:var(--tint);color:var(--text)}
.two{display:grid;grid-template-columns:1fr 1fr;gap:18px}
@media (max-width:860px){.two{grid-template-columns:1fr}header.page{flex-direction:column}}
figure{margin:0 0 16px;position:relative}
figcaption{display:flex;flex-wrap:wrap;gap:4px 16px;justify-content:space-between;font-weight:600;font-size:14px;margin-bottom:4px}
.legend{font-weight:400;color:var(--muted);display:flex;flex-wrap:wrap;gap:4px 14px;font-size:13px}
.key{display:inline-flex;gap:6px;align-items:center}
.chart svg[role=img]{display:block;width:100%;height:auto;touch-action:pan-y}
.grid{stroke:var(--grid);stroke-width:1}
.grid.zero{stroke:var(--muted);stroke-opacity:.55}
.tick{fill:var(--muted);font-size:12px}
.unit,.axis{fill:var(--muted);font-size:12px}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
.strategy{stroke:var(--blue)}
.hold{stroke:var(--orange);stroke-dasharray:5 4}
.drawdown{stroke:var(--red)}
.trained{stroke:var(--green)}
details{margin:0 0 16px}
summary{cursor:pointer;color:var(--muted);font-size:14px}
.hold-drawdown{stroke:var(--orange);stroke-dasharray:5 4}
.area{stroke:none;fill:var(--red);fill-opacity:.16}
.held{fill:var(--held)}
.split{stroke:var(--blue);stroke-dasharray:2 3}
.held-label{fill:var(--muted);font-size:12px;paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
.dot{fill:var(--blue);fill-opacity:.38}
.dot:hover{fill-opacity:1}
.cell.empty{fill:var(--grid)}
.cross{stroke:var(--muted);stroke-width:1}
.mark{fill:var(--card);stroke-width:2}
.tip{position:fixed;z-index:9;pointer-events:none;background:var(--card);color:var(--text);border:1px solid var(--line);border-radius:7px;box-shadow:0 4px 16px rgba(0,0,0,.18);padding:7px 10px;font-size:13px;max-width:360px;font-variant-numeric:tabular-nums}
.tip b{display:block;margin-bottom:2px}
.tip div{display:flex;justify-content:space-between;gap:14px}
.bars{display:grid;grid-template-columns:max-content 1fr max-content;gap:7px 12px;align-items:center;font-variant-numeric:tabular-nums}
.bars i{display:block;height:12px;border-radius:3px;background:var(--blue);min-width:1px}
.bars span:nth-child(3n){color:var(--muted);text-align:right}
.importance .bars{grid-template-columns:max-content 1fr 100px}
.importance .bars i{height:7px;margin:1px 0}
.key i{display:inline-block;width:16px;height:8px;border-radius:2px}
i.overall{background:var(--blue)}
.bars i.best,i.best{background:var(--orange)}
footer{color:var(--muted);font-size:13px}
@media print{body{background:#fff}.card{break-inside:avoid}button.theme{display:none}}
`

/** What the page's script does: values under the pointer or the arrow keys, and the theme button. */
export const reportScript: string = `
(function(){
var data=JSON.parse(document.getElementById('hover').textContent),tip=document.createElement('div');
tip.className='tip';tip.hidden=true;tip.setAttribute('role','status');document.body.appendChild(tip);
var NS='http://www.w3.org/2000/svg';
function place(x,y){tip.hidden=false;var w=tip.offsetWidth,h=tip.offsetHeight;
tip.style.left=Math.max(6,Math.min(x+14,innerWidth-w-6))+'px';tip.style.top=Math.max(6,y-h-12<6?y+16:y-h-12)+'px'}
function el(name,cls){var e=document.createElementNS(NS,name);e.setAttribute('class',cls);return e}
document.querySelectorAll('[data-chart]').forEach(function(figure){
var d=data[figure.getAttribute('data-chart')],svg=figure.querySelector('svg[role=img]');if(!d||!d.x.length)return;
var box=svg.viewBox.baseVal,cross=el('line','cross'),marks=d.lines.map(function(l){var m=el('circle','mark '+l.style);m.setAttribute('r',4);m.setAttribute('stroke-dasharray','none');return m}),at=-1;
cross.setAttribute('y1',30);cross.setAttribute('y2',box.height-28);
function show(i,cx,cy){at=Math.max(0,Math.min(d.x.length-1,i));
cross.setAttribute('x1',d.x[at]);cross.setAttribute('x2',d.x[at]);svg.appendChild(cross);
tip.textContent='';var b=document.createElement('b');b.textContent=d.labels[at];tip.appendChild(b);
d.lines.forEach(function(l,k){var row=document.createElement('div'),n=document.createElement('span'),v=document.createElement('span');
n.textContent=l.name;v.textContent=l.text[at];row.appendChild(n);row.appendChild(v);tip.appendChild(row);
if(l.y[at]!==null){marks[k].setAttribute('cx',d.x[at]);marks[k].setAttribute('cy',l.y[at]);svg.appendChild(marks[k])}});
var r=svg.getBoundingClientRect();place(cx===undefined?r.left+d.x[at]*r.width/box.width:cx,cy===undefined?r.top+60:cy)}
function hide(){tip.hidden=true;cross.remove();marks.forEach(function(m){m.remove()})}
function nearest(x){var lo=0,hi=d.x.length-1;while(lo<hi){var mid=(lo+hi)>>1;if(d.x[mid]<x)lo=mid+1;else hi=mid}
return lo>0&&x-d.x[lo-1]<d.x[lo]-x?lo-1:lo}
svg.addEventListener('pointermove',function(e){var r=svg.getBoundingClientRect();show(nearest((e.clientX-r.left)*box.width/r.width),e.clientX,e.clientY)});
svg.addEventListener('pointerleave',hide);svg.addEventListener('blur',hide);
svg.addEventListener('keydown',function(e){var step=e.shiftKey?20:1;
if(e.key==='ArrowRight')show(at+step);else if(e.key==='ArrowLeft')show(at<0?d.x.length-1:at-step);
else if(e.key==='Home')show(0);else if(e.key==='End')show(d.x.length-1);else if(e.key==='Escape')hide();else return;e.preventDefault()})});
document.querySelectorAll('[data-tip]').forEach(function(e){
var t=e.querySelector('title');if(t)t.remove();
e.addEventListener('pointermove',function(p){tip.textContent=e.getAttribute('data-tip');place(p.clientX,p.clientY)});
e.addEventListener('pointerleave',function(){tip.hidden=true})});
var button=document.querySelector('button.theme'),root=document.documentElement;
button.hidden=false;button.addEventListener('click',function(){
var dark=root.dataset.theme?root.dataset.theme==='dark':matchMedia('(prefers-color-scheme: dark)').matches;
root.dataset.theme=dark?'light':'dark'});
})();
`
