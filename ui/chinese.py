"""The interface in Chinese: each English sentence and its translation. A test keeps it complete."""

from ui.chinese_library import LIBRARY

CHINESE: dict[str, str] = {
    # menus
    "&File": "文件(&F)",
    "&New article": "新文章(&N)",
    "&Open…": "打开(&O)…",
    "&Save": "保存(&S)",
    "Save &as…": "另存为(&A)…",
    "&Export": "导出(&E)",
    "&Web page…": "网页(&W)…",
    "&Markdown…": "Markdown(&M)…",
    "&Both…": "两种格式(&B)…",
    "Add a picture &folder…": "添加图片文件夹(&F)…",
    "S&tart page": "起始页(&T)",
    "&Quit": "退出(&Q)",
    "&Edit": "编辑(&E)",
    "&Undo": "撤销(&U)",
    "&Redo": "重做(&R)",
    "&Preferences…": "偏好设置(&P)…",
    "&Models…": "模型(&M)…",
    "&Article": "文章(&A)",
    "&Compose": "写作(&C)",
    "Cance&l": "取消(&L)",
    "&Next picture": "下一张图片(&N)",
    "&Previous picture": "上一张图片(&P)",
    "Copy &shot list": "复制配图清单(&S)",
    "The shot list is on the clipboard: {count} picture to take.": "配图清单已复制到剪贴板：有 {count} 张图片待拍摄。",
    "The shot list is on the clipboard: {count} pictures to take.": "配图清单已复制到剪贴板：有 {count} 张图片待拍摄。",
    "Every place has its picture: there is nothing to take.": "每个位置都已有图片，没有需要拍摄的。",
    "Still without a picture": "尚缺图片",
    "To be taken: {shot}": "待拍摄：{shot}",
    "To be drawn: {shot}": "待绘制：{shot}",
    "What is still to be taken is in “{name}”.": "仍需拍摄的内容见“{name}”。",
    "&Help": "帮助(&H)",
    "Engine &details…": "引擎详情(&D)…",
    # the brief
    "Compose": "开始写作",
    "Continue": "继续",
    "Compose another version": "再写一版",
    "Choose the pictures again": "重新选图",
    "Cancel": "取消",
    "Stopping…": "正在停止…",
    "Say what the article is about.": "请写下文章的主题。",
    "Without a picture folder the article will have no pictures.": "没有图片文件夹，文章将没有配图。",
    "The folder {folder} is not there any more; remove it or bring it back.": (
        "文件夹 {folder} 已不存在，请移除或恢复它。"
    ),
    "No Chinese typeface is installed on this computer; install one, such as Noto Sans CJK.": (
        "这台电脑没有安装中文字体，请安装一种，例如 Noto Sans CJK。"
    ),
    "Auto": "自动",
    "Another seed gives another article from the same brief.": "换一个种子，同样的要求会写出另一篇文章。",
    "Topic": "主题",
    "Notes": "要点",
    "Audience": "读者",
    "Tone": "语气",
    "Language of the article": "文章语言",
    "Picture folders": "图片文件夹",
    "Seed": "种子",
    "Pictures": "图片数",
    "A walk around the old harbour": "漫步旧港",
    "Facts, names and turns the article should have": "文章应写到的事实、名字和转折",
    "Families planning a weekend": "计划周末出行的家庭",
    "Warm, plain": "亲切、平实",
    "More": "更多",
    "Length in characters": "字数",
    "Length in words": "词数",
    "Add folder…": "添加文件夹…",
    "Remove": "移除",
    "Add a folder, or drop one here.": "添加文件夹，或拖放到这里。",
    "Add a picture folder": "添加图片文件夹",
    "{name} (not found)": "{name}（未找到）",
    # the pictures to choose from
    "{name}, fits {percent} percent": "{name}，匹配度百分之 {percent}",
    "Look": "画面",
    "Words": "文字",
    "Judge": "评判",
    "The pictures to choose from appear here.": "候选图片会显示在这里。",
    "Picture {number} of {count}": "第 {number} 张图片，共 {count} 张",
    "Previous picture": "上一张图片",
    "Next picture": "下一张图片",
    "Caption": "图片说明",
    "What is seen in the picture": "图片中看到的内容",
    "For readers who do not see the picture: programs that read aloud say it.": (
        "供看不到图片的读者使用：朗读程序会念出来。"
    ),
    "No picture here": "此处不配图",
    "The starter judge reads captions and file names; it does not see the pictures.": (
        "入门评判模型只读图片说明和文件名，并不看图片本身。"
    ),
    "Click a picture in the article to see what else would fit.": "点击文章中的图片，查看其他合适的候选。",
    "The pictures to choose from appear here once the text is written.": "文字写完后，候选图片会显示在这里。",
    "{count} picture to choose from": "{count} 张候选图片",
    "{count} pictures to choose from": "{count} 张候选图片",
    "Looking for pictures…": "正在查找图片…",
    "No picture was found.": "没有找到图片。",
    "You chose this picture.": "这张图片由您选定。",
    "You left this place without a picture.": "您选择此处不配图。",
    "The library has no picture for this place.": "图片库中没有适合此处的图片。",
    "What would fit here serves another place in the article.": "适合此处的图片已用在文章的其他位置。",
    "Nothing fits well enough: the best is at {percent} %.": "没有足够合适的图片：最好的匹配度为 {percent} %。",
    "{count} picture that fits better serves another place in the article.": (
        "有 {count} 张更合适的图片已用在文章的其他位置。"
    ),
    "{count} pictures that fit better serve other places in the article.": (
        "有 {count} 张更合适的图片已用在文章的其他位置。"
    ),
    "Fits best of all.": "最合适的一张。",
    "Why this picture?": "为什么用这张？",
    "Why no picture?": "为什么没有配图？",
    "Other pictures": "其他图片",
    "What would have changed it": "什么会改变这个选择",
    "The reasons cannot be told now. Close this and open it again.": "暂时无法说明原因，请收起后重新打开。",
    "Take another picture": "更换图片",
    "Leave without a picture": "不配图",
    "Edit caption": "修改图片说明",
    "Edit description": "修改图片描述",
    # the page
    "Article": "文章",
    "Edit text": "修改文字",
    "Cut": "剪切",
    "Copy": "复制",
    "Paste": "粘贴",
    "Select all": "全选",
    "The picture file cannot be read: {path}": "无法读取图片文件：{path}",
    "Choosing a picture…": "正在选图…",
    "A picture goes here": "此处将放一张图片",
    "Looking at your pictures…": "正在查看您的图片…",
    "Thinking about the outline…": "正在构思提纲…",
    "Fill in the brief and press Compose.\nThe article appears here as it is written.": (
        "填写左侧的要求，然后点击“开始写作”。\n文章会一边写，一边显示在这里。"
    ),
    "{count} character": "{count} 字",
    "{count} characters": "{count} 字",
    "{count} word": "{count} 词",
    "{count} words": "{count} 词",
    "{count} picture": "{count} 张图片",
    "{count} pictures": "{count} 张图片",
    # progress
    "Progress": "进度",
    "Folders": "文件夹",
    "Outline": "提纲",
    "Writing": "写作",
    "Planning": "配图规划",
    "Choosing": "选图",
    "Captions": "图片说明",
    "Getting ready…": "正在准备…",
    "Stopped": "已停止",
    "Not finished": "未完成",
    "a few seconds left": "还需几秒",
    "about {count} seconds left": "约剩 {count} 秒",
    "about {count} minute left": "约剩 {count} 分钟",
    "about {count} minutes left": "约剩 {count} 分钟",
    "{count} seconds so far": "已用 {count} 秒",
    "{count} minute so far": "已用 {count} 分钟",
    "{count} minutes so far": "已用 {count} 分钟",
    "{count} pictures found": "找到 {count} 张图片",
    "picture {done} of {total}": "第 {done} 张图片，共 {total} 张",
    "{stage}: {words}": "{stage}：{words}",
    "Notices": "提示",
    "{count} notice": "{count} 条提示",
    "{count} notices": "{count} 条提示",
    # messages
    "Details": "详情",
    "Close": "关闭",
    "Close this message": "关闭这条消息",
    "The engine stopped and was started again; no word was lost.": "引擎意外停止并已重新启动，文字没有丢失。",
    "The engine keeps stopping; no word was lost. Look at the details before going on.": (
        "引擎反复停止，文字没有丢失。继续之前请先查看详情。"
    ),
    "The engine stopped and was started again.": "引擎意外停止并已重新启动。",
    "The engine could not be started; articles can be read and edited, but not composed.": (
        "引擎无法启动；可以阅读和修改文章，但不能写作。"
    ),
    "The engine is running as process {pid}.": "引擎正在运行，进程号 {pid}。",
    "The engine is not running.": "引擎没有运行。",
    "The engine stopped before it was done. Please try again.": "引擎未完成就停止了，请再试一次。",
    "The demo's pictures are not on this computer yet; run `make setup` first.": (
        "演示用的图片还不在这台电脑上，请先运行 `make setup`。"
    ),
    "Stopped. What is written so far is kept.": "已停止，写好的内容都已保留。",
    "This article is not finished yet.": "这篇文章还没有写完。",
    # files
    "Pictorial articles": "Pictorial 文章",
    "Open an article": "打开文章",
    "Save the article": "保存文章",
    "Saved as {path}.": "已保存为 {path}。",
    "Export into a folder": "导出到文件夹",
    "Exporting…": "正在导出…",
    "Exported {names} to {folder}.": "已将 {names} 导出到 {folder}。",
    " and ": " 和 ",
    "Open folder": "打开文件夹",
    "Looking through {folder}…": "正在查看 {folder}…",
    "{count} picture is ready in {folder}.": "{folder} 中有 {count} 张图片可用。",
    "{count} pictures are ready in {folder}.": "{folder} 中有 {count} 张图片可用。",
    "Looking through {folder}: {seen}.": "正在查看 {folder}：{seen}。",
    "There is no picture in {folder} that can be used.": "{folder} 中没有可用的图片。",
    "{count} file was skipped.": "跳过了 {count} 个文件。",
    "{count} files were skipped.": "跳过了 {count} 个文件。",
    # preferences
    "Preferences": "偏好设置",
    "Appearance": "外观",
    "Language of the window": "界面语言",
    "Pictures to choose from": "候选图片数",
    "So many pictures are considered for each place in the next article.": (
        "下一篇文章的每个配图位置会考虑这么多张图片。"
    ),
    "Remember which pictures I take, swap and remove": "记住我采用、更换和移除的图片",
    "To judge and tune the choosing. It stays on this computer, with the text around it.": (
        "用于评判和改进选图。记录连同上下文只保存在这台电脑上。"
    ),
    "OK": "确定",
    "As the system": "跟随系统",
    "Light": "浅色",
    "Dark": "深色",
    # models
    "Models": "模型",
    "Models…": "模型…",
    "See what writes, finds and judges on this computer, and get better models for it.": (
        "查看这台电脑上由什么来写作、找图和选图，并获取更好的模型。"
    ),
    "What writes your articles, and what finds and judges their pictures. "
    "All of it runs on this computer unless you add a server.": (
        "由什么来写文章、找图片、评判图片。除非您添加服务器，一切都在这台电脑上运行。"
    ),
    "‹ Back": "‹ 返回",
    "Back": "返回",
    "Looking at the models on this computer…": "正在查看这台电脑上的模型…",
    "Recommended for this computer": "推荐给这台电脑",
    "for English articles": "写英文文章",
    "for Chinese articles": "写中文文章",
    "There is no set for this language.": "没有适合这种语言的推荐组合。",
    "Use this set": "使用这一组",
    "You are using this set.": "您正在使用这一组。",
    "All of it is on this computer already.": "所需的模型都已在这台电脑上。",
    "{size} will be fetched from the internet first.": "将先从网上下载 {size}。",
    "More than {size} will be fetched from the internet first.": "将先从网上下载超过 {size}。",
    "Its models will be fetched from the internet first; their size is not known yet.": (
        "将先从网上下载所需的模型，大小尚不清楚。"
    ),
    "Fetching {at} of {count}…": "正在下载第 {at} 个，共 {count} 个…",
    "Finding pictures": "找图",
    "Judging pictures": "选图",
    "Plans the article and writes it. A larger one writes better, and slower.": (
        "构思并写出文章。模型越大写得越好，也越慢。"
    ),
    "Looks through your folders for pictures that could fit.": "在您的文件夹中寻找可能合适的图片。",
    "Looks at the few that were found, and says which fits each paragraph best.": (
        "查看找到的几张图片，判断哪一张最适合每个段落。"
    ),
    "English": "英文",
    "Chinese": "中文",
    ", ": "、",
    "from {program}": "来自 {program}",
    "Needs {size} of memory.": "需要 {size} 内存。",
    "Too large for this machine.": "对这台电脑来说太大。",
    "Only just fits: close other programs first.": "勉强够用：请先关闭其他程序。",
    "Show {count} more model": "显示另外 {count} 个模型",
    "Show {count} more models": "显示另外 {count} 个模型",
    "Show fewer models": "收起",
    "In use": "使用中",
    "Chosen, but not here": "已选用，但不在这台电脑上",
    "On this computer": "已在这台电脑上",
    "Partly here": "下载了一部分",
    "Not here": "尚未下载",
    "Damaged": "已损坏",
    "Waiting…": "等待中…",
    "Fetching…": "正在下载…",
    "Checking…": "正在检查…",
    "Removing…": "正在移除…",
    "Setting up…": "正在设置…",
    "Get": "下载",
    "Get ({size})": "下载（{size}）",
    "Mend": "修复",
    "Use": "使用",
    "Check files": "检查文件",
    "{action}: {title}": "{action}：{title}",
    "{done} of {total} MB": "{done} / {total} MB",
    "No judge": "不评判",
    "Pictures are chosen by what is found alone: fastest, and needs no memory.": (
        "只按找图的结果选图：最快，不占内存。"
    ),
    "Starter judge": "入门评判模型",
    "Reads captions and file names; it does not see the pictures. Small and fast.": (
        "只读图片说明和文件名，不看图片本身。小而快。"
    ),
    "Its model": "其模型",
    "{model} on {place}": "{place} 上的 {model}",
    "Add a model file…": "添加模型文件…",
    "Add a model folder…": "添加模型文件夹…",
    "Add a server…": "添加服务器…",
    "Fetch another…": "下载其他模型…",
    "Fetch another model": "下载其他模型",
    "Fetch": "下载",
    "Give the address of a model's page on the Hugging Face hub, or its name there. Of a page with several "
    "files choose one .gguf file and copy its address.": (
        "请填写模型在 Hugging Face 上的页面地址或名称。若页面上有多个文件，请选择一个 .gguf 文件并复制其地址。"
    ),
    "The model is fetched from the internet. Nothing of yours is sent there.": (
        "模型从互联网下载，不会发送您的任何内容。"
    ),
    "This is no address of a model. Write it as owner/repository.": "这不是模型的地址。请写成“所有者/仓库”的形式。",
    "Add a model file": "添加模型文件",
    "Add a model folder": "添加模型文件夹",
    "Models (*.gguf)": "模型 (*.gguf)",
    "Its file for seeing pictures (its name holds “mmproj”)": "它的看图文件（文件名含“mmproj”）",
    "Add a server": "添加服务器",
    "A program such as Ollama, LM Studio or llama.cpp can run the model, on this computer or on one that you trust. "
    "Start its server, then give its address here.": (
        "Ollama、LM Studio、llama.cpp 等程序可以在这台电脑或您信任的电脑上运行模型。请先启动其服务器，再在此填写地址。"
    ),
    "Address": "地址",
    "Name of the model": "模型名称",
    "The name may stay empty where the server has only one model.": "服务器只有一个模型时，名称可以留空。",
    "Use this server": "使用这个服务器",
    "This is no address of a server. Write it as http://127.0.0.1:11434/v1.": (
        "这不是服务器地址。请写成 http://127.0.0.1:11434/v1 的形式。"
    ),
    "Your texts": "您的文字",
    "Your texts and pictures": "您的文字和图片",
    "{what} would be sent to {place}.": "{what}将被发送到 {place}。",
    "That is not this computer. Whoever runs it can read what is sent. Say yes only if you trust it.": (
        "那不是这台电脑。运行它的人可以读到发送的内容。请只在信任它时同意。"
    ),
    "Send to {place}": "发送到 {place}",
    "{title} ({size})": "{title}（{size}）",
    "Use another model to end that.": "改用其他模型即可停止发送。",
    "Your texts are sent to {place}.": "您的文字会发送到 {place}。",
    "Your texts and pictures are sent to {place}.": "您的文字和图片会发送到 {place}。",
    "Remove {title}?": "移除 {title}？",
    "Its files ({size}) are deleted from this computer. It can be fetched again.": (
        "它的文件（{size}）将从这台电脑上删除。以后可以重新下载。"
    ),
    "It is in use: choose another one before you compose again.": "它正在使用中：再次写作之前请选择另一个模型。",
    "{title} was removed; {size} are free again.": "已移除 {title}，腾出 {size}。",
    "{title} is here. Press Use to work with it.": "{title} 已下载。点击“使用”即可启用。",
    "Stopped. What came is kept, and fetching goes on there next time.": "已停止。下载的部分已保留，下次从那里继续。",
    "Every file of {title} is as it should be.": "{title} 的每个文件都完好。",
    "{count} file of {title} is damaged. Press Mend to fetch it again.": (
        "{title} 有 {count} 个文件已损坏。点击“修复”重新下载。"
    ),
    "{count} files of {title} are damaged. Press Mend to fetch them again.": (
        "{title} 有 {count} 个文件已损坏。点击“修复”重新下载。"
    ),
    "The next article is written with {title}.": "下一篇文章将由 {title} 来写。",
    "The next article finds its pictures with {title}.": "下一篇文章将由 {title} 来找图。",
    "The next article has its pictures judged by: {title}.": "下一篇文章的图片评判方式：{title}。",
    "Measured: adds nothing; not used.": "已测量：没有帮助，因此不使用。",
    "Not measured with this encoder.": "尚未与现用的找图模型一起测量。",
    "The next article uses these models.": "下一篇文章将使用这些模型。",
    "The engine stopped before this was done. What was fetched is kept; please try again.": (
        "引擎未完成就停止了。已下载的部分已保留，请再试一次。"
    ),
    "The models take {size} of the disk; {free} are free.": "模型占用磁盘 {size}，剩余 {free}。",
    "Unfinished fetches take {size}.": "未完成的下载占用 {size}。",
    "What is remembered of pictures takes {size}.": "图片的记录占用 {size}。",
    "Check this machine": "检查这台电脑",
    "{count} thing needs you.": "有 {count} 项需要您处理。",
    "{count} things need you.": "有 {count} 项需要您处理。",
    "Everything is as it should be.": "一切正常。",
    "right": "正常",
    "not right": "不正常",
    # the start page
    "{title}, changed {when}": "{title}，修改于 {when}",
    "Compose the demo": "试写演示文章",
    "Watch an article about castles and windmills being made.": "看一篇关于城堡与风车的文章如何写成。",
    "New article": "新文章",
    "Say what it is about; Pictorial drafts it on this computer.": "写下主题，Pictorial 在这台电脑上起草。",
    "Let your own photographs illustrate your articles.": "用您自己的照片为文章配图。",
    "You can also drop a Pictorial file or a folder of pictures anywhere on this window.": (
        "也可以把 Pictorial 文件或图片文件夹拖放到窗口的任何位置。"
    ),
    "Long articles with the right pictures, made on your own computer.": "在您自己的电脑上写出图文并茂的长文章。",
    "Your drafts": "您的草稿",
    **LIBRARY,
}
